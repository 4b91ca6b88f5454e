"""Faults of the store: a program that nobody has checked is run, or a run has another server than it could have."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_UNIT = "tests/unit/test_store.py"
_REAL = "tests/system/test_store.py"
_VERSION = "tests/unit/test_version.py"


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a wheel that the installer has not checked is run",
        "store/installer",
        "    if found not in file.hashes:\n",
        "    if not found:\n",
        f"{_REAL}::test_what_an_installer_did_not_check",
    ),
    _mutant(
        "a wheel with another program is no more than unavailable",
        "store/installer",
        "            if mismatch:\n",
        "            if mismatch is found:\n",
        f"{_REAL}::test_a_wheel_that_is_another",
    ),
    _mutant(
        "a busy index costs a run its server",
        "store/installer",
        "_TRIES = 2",
        "_TRIES = 1",
        f"{_REAL}::test_a_busy_index_is_asked_again",
    ),
    _mutant(
        "a fetch has no end",
        "store/installer",
        "while process.poll() is None and time.monotonic() < end:",
        "while process.poll() is None:",
        f"{_REAL}::test_a_fetch_is_bounded",
    ),
    _mutant(
        "a program of an older wheel is run",
        "store/programs",
        "if hashes and set(hashes.split()) <= set(file.hashes) and",
        "if hashes and",
        f"{_REAL}::test_what_the_catalogue_does_not_know_is_not_run",
    ),
    _mutant(
        "a program that another user has put there is run",
        "store/programs",
        "with suppress(OSError), private.opened(folder) as inside:",
        "with suppress(OSError), private.opened(folder, of=folder.stat().st_uid) as inside:",
        f"{_REAL}::test_the_cache_of_another_user",
    ),
    _mutant(
        "two runs at once fetch the same twice",
        "store/programs",
        "            if found := find(program, fetching.env):\n                return found\n            size = ",
        "            size = ",
        f"{_REAL}::test_two_at_once_fetch_once",
    ),
    _mutant(
        "a wait for another process has no end",
        "store/programs",
        "if time.monotonic() > end:",
        "if time.monotonic() < 0:",
        f"{_REAL}::test_a_wait_for_another_process_is_bounded",
    ),
    _mutant(
        "a program that does not run here is kept",
        "store/programs",
        "if result.returncode or not program.says(result.stdout):",
        "if result.returncode and not result.stderr:",
        f"{_REAL}::test_a_program_that_does_not_run_here",
    ),
    _mutant(
        "half of a program stays for ever",
        "store/programs",
        "            remove_abandoned(fetching.env)\n",
        "",
        f"{_REAL}::test_half_of_a_program_goes_with_the_next_fetch",
    ),
    _mutant(
        "a program is offered to a machine with an older C library",
        "store/catalogue",
        " and needed.since <= machine.since",
        "",
        f"{_UNIT}::test_a_machine_that_is_too_old",
    ),
    _mutant(
        "a program for glibc is offered to Alpine",
        "store/catalogue",
        " and bool(machine.since)",
        "",
        f"{_UNIT}::test_a_machine_without_a_program",
    ),
    _mutant(
        "a run that may not fetch does",
        "providers/_fetching",
        "if offer and fetch and context.settings.download is Download.AUTO:",
        "if offer and fetch:",
        f"{_UNIT}::test_a_run_that_may_not_fetch_says_what_would_have_come",
    ),
    _mutant(
        "a probe fetches",
        "providers/_fetching",
        "if offer and fetch and context",
        "if offer and context",
        f"{_UNIT}::test_a_probe_fetches_nothing",
    ),
    _mutant(
        "a wheel that is another goes unseen where another program serves",
        "providers/_fetching",
        "            if failed.reason.broken or found is None:",
        "            if found is None:",
        f"{_UNIT}::test_a_wheel_that_is_another_fails_the_run",
    ),
    _mutant(
        "a Valkey passes for a Redis",
        "version",
        "return product == wanted_product and numbers[",
        "return numbers[",
        _VERSION,
    ),
    _mutant(
        "the first program serves, and not the nearest",
        "services/_binaries",
        "if nearest is None or away < nearest[0]:",
        "if nearest is None:",
        _VERSION,
    ),
    _mutant(
        "a version that no server can have is accepted",
        "config/load",
        "    if version and (found is None or",
        "    if version and (found is False or",
        _VERSION,
    ),
    _mutant(
        "a program of the store does not start on a bare machine, although its libraries can be fetched",
        "store/programs",
        "    if lacks and known:\n",
        "    if lacks and known is lacks:\n",
        f"{_REAL}::test_libraries_that_this_machine_lacks_are_fetched",
    ),
    _mutant(
        "initdb of the store does not start on a bare machine",
        "store/programs",
        'sorted((folder / "bin").iterdir())',
        'sorted((folder / "bin").glob("postgres"))',
        f"{_REAL}::test_libraries_that_this_machine_lacks_are_fetched",
    ),
    _mutant(
        "a library that a fetched library needs is missing",
        "store/programs",
        "        while there := [name for name in lacks if (source / name).is_file()]:\n",
        "        if there := [name for name in lacks if (source / name).is_file()]:\n",
        f"{_REAL}::test_libraries_that_this_machine_lacks_are_fetched",
    ),
    _mutant(
        "modules of a server are kept as libraries",
        "store/programs",
        '_LIBRARY_FILES = "lib*.so.*"',
        '_LIBRARY_FILES = "*.so*"',
        f"{_REAL}::test_libraries_that_this_machine_lacks_are_fetched",
    ),
    _mutant(
        "of the libraries that nobody has, none is named",
        "store/programs",
        "    if lacks:\n        packages",
        "    if lacks and not known:\n        packages",
        f"{_REAL}::test_libraries_that_nobody_has",
    ),
    _mutant(
        "libraries that cannot be fetched are told of a program that nobody asked for",
        "store/programs",
        '        raise installer.refusal(program, f"{needs}, and {refused.reason.message}") from refused\n',
        "        raise\n",
        f"{_REAL}::test_libraries_that_cannot_be_fetched",
    ),
    _mutant(
        "another wheel in the place of the libraries is no more than unavailable",
        "store/programs",
        "        if refused.reason.broken:\n",
        "        if refused.reason.broken is None:\n",
        f"{_REAL}::test_libraries_that_cannot_be_fetched",
    ),
    _mutant(
        "libraries of the store are never removed",
        "store/programs",
        "known = (*server_programs(), libraries(this_machine()), *named)",
        "known = (*server_programs(), *named)",
        f"{_REAL}::test_libraries_that_this_machine_lacks_are_fetched",
    ),
    _mutant(
        "dblink of the store does not find its libpq",
        "services/postgres",
        "env=AS_IN_A_CONTAINER | libraries_for(binary, launch.env),",
        "env=AS_IN_A_CONTAINER,",
        "tests/unit/test_postgres_data.py::test_a_program_of_the_store_finds_the_libraries_beside_it",
    ),
    _mutant(
        "initdb of the store does not find what its libpq needs",
        "services/_postgres_data",
        "    env |= AS_IN_A_CONTAINER | libraries_for(binary, env)\n",
        "    env |= AS_IN_A_CONTAINER\n",
        "tests/unit/test_postgres_data.py::test_a_program_of_the_store_finds_the_libraries_beside_it",
    ),
    _mutant(
        "programs of the user are given libraries of ours",
        "services/_binaries",
        " if binary.origin == programs.ORIGIN else {}",
        " if binary.origin else {}",
        "tests/unit/test_postgres_data.py::test_a_program_of_the_store_finds_the_libraries_beside_it",
    ),
    _mutant(
        "the user's own folders of libraries are lost",
        "store/programs",
        'filter(None, (str(program.parent.parent / "lib"), inherited_path))',
        'filter(None, (str(program.parent.parent / "lib"),))',
        "tests/unit/test_postgres_data.py::test_a_program_of_the_store_finds_the_libraries_beside_it",
    ),
    _mutant(
        "a machine that is too old is told of other machines",
        "store/catalogue",
        "    if needs and machine.since:\n",
        "    if needs and not machine.since:\n",
        _UNIT,
    ),
)
