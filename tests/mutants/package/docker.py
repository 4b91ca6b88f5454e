"""Faults of Docker that is away or misconfigured: it is taken for broken, or something is left behind."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_FOLDER = "test_framework/providers/docker"
_DEGRADES = "tests/system/test_docker_degrades.py"
_LOGINS = ("tests/unit/test_docker_logins.py",)
_PROGRAMS = "tests/system/test_docker_programs.py"


def _degrades(*names: str) -> tuple[str, ...]:
    return tuple(f"{_DEGRADES}::{name}" for name in names)


MUTANTS = (
    Mutant(
        "a variable of testcontainers that means nothing is read",
        f"{_FOLDER}/variables.py",
        "if value is not None and not form.fullmatch(value.strip()):",
        "if value is not None and form.fullmatch(value.strip()) == 1:",
        _LOGINS,
    ),
    Mutant(
        "a login that is not base64 ends the run with a traceback",
        f"{_FOLDER}/logins.py",
        "            _check_auth(auth, registry)",
        "            auth, registry",
        _LOGINS,
    ),
    Mutant(
        "a helper's own words, which may be the secret, are shown",
        f"{_FOLDER}/logins.py",
        "answers with something that is no login",
        "answers {said}",
        _LOGINS,
    ),
    Mutant(
        "a helper that fails is taken for one that knows no login",
        f"{_FOLDER}/logins.py",
        'if "credentials not found" in said:',
        "if True:",
        _LOGINS,
    ),
    Mutant(
        "the login for Docker Hub is asked for by another name than its own",
        f"{_FOLDER}/logins.py",
        "return (_HUB, *_HUB_NAMES) if registry in _HUB_NAMES else (registry,)",
        "return (registry,)",
        _LOGINS,
    ),
    Mutant(
        "a helper that never stops talking fills the memory",
        f"{_FOLDER}/program.py",
        "if len(key.data) > _MOST_BYTES:",
        "if len(key.data) > _MOST_BYTES << 30:",
        (f"{_PROGRAMS}::test_program_that_never_stops_talking",),
    ),
    Mutant(
        "what a hung helper has started is left behind",
        f"{_FOLDER}/program.py",
        "os.killpg(process.pid, signal.SIGKILL)",
        "process.kill()",
        (f"{_PROGRAMS}::test_program_that_hangs",),
    ),
    Mutant(
        "a helper outlives a supervisor that is killed",
        "test_framework/supervisor/guard.py",
        '        os.killpg(int(mark.partition("_")[0]), signal.SIGKILL)\n\n\n_CLEANUPS',
        "        pass\n\n\n_CLEANUPS",
        (f"{_PROGRAMS}::test_owner_that_is_killed",),
    ),
    Mutant(
        "a helper runs before the guard knows of it",
        "test_framework/owner.py",
        "read -r _ &&",
        "true &&",
        (f"{_PROGRAMS}::test_owner_that_is_killed_before_the_guard_knows",),
    ),
    Mutant(
        "a proxy that forbids is taken for something that is no Docker",
        f"{_FOLDER}/answers.py",
        "if answer.status in FORBIDDEN:",
        "if answer.status == 0:",
        ("tests/system/test_docker_answers.py",),
    ),
    Mutant(
        "what a proxy forbids is a broken server",
        f"{_FOLDER}/faults.py",
        "if error.response.status_code not in FORBIDDEN:",
        "if error.response.status_code:",
        _degrades("test_engine_that_forbids"),
        docker=True,
    ),
    Mutant(
        "an image that a proxy forbids to ask for is looked for in its registry",
        f"{_FOLDER}/images.py",
        "    if status in FORBIDDEN:\n",
        "    if status == 0:\n",
        _degrades("test_doctor_on_an_engine_that_forbids"),
        docker=True,
    ),
    Mutant(
        "an engine that ends as a container starts is a broken server",
        f"{_FOLDER}/container.py",
        "return Refused(lost or reason, self.log() if log is None else log)",
        "return Refused(reason, self.log() if log is None else log)",
        _degrades("test_engine_that_goes_away_before_its_server_answers"),
        docker=True,
    ),
    Mutant(
        "a port that the engine publishes late is not waited for",
        f"{_FOLDER}/published.py",
        "        if time.monotonic() > deadline:\n            error = ",
        "        if True:\n            error = ",
        _degrades("test_port_that_is_published_late"),
        docker=True,
    ),
    Mutant(
        "a container that was made after its request timed out stays",
        f"{_FOLDER}/container.py",
        "if self._container is None or self._wrapped():",
        "if True:",
        _degrades("test_container_that_is_made_without_an_answer"),
        docker=True,
    ),
    Mutant(
        "a registry is logged in to although the image is here",
        f"{_FOLDER}/client.py",
        '        "_docker_auth_config": None,\n',
        "",
        _degrades("test_registry_of_a_login_that_is_away"),
        docker=True,
    ),
    Mutant(
        "a damaged file of testcontainers is a broken server",
        f"{_FOLDER}/client.py",
        "except (ValueError, OSError, RuntimeError) as error:",
        "except ZeroDivisionError as error:",
        _degrades("test_properties_that_cannot_be_read"),
        docker=True,
    ),
    Mutant(
        "a helper that gives no login is not named",
        f"{_FOLDER}/images.py",
        "if without and not _FULL.search(error):",
        "if False:",
        _degrades("test_helper_that_cannot_be_used"),
        docker=True,
    ),
    Mutant(
        "our own traceback is shown as the server's log",
        "test_framework/resolve.py",
        "attempts.append(Attempt(provider, reason, time.monotonic() - begin, at=at))",
        "attempts.append(Attempt(provider, reason, time.monotonic() - begin, traceback.format_exc(), at=at))",
        ("tests/unit/test_resolve.py",),
    ),
    Mutant(
        "a user without a name hears of initdb instead of what to do",
        "test_framework/services/postgres.py",
        "        _check_user()\n",
        "",
        ("tests/unit/test_postgres_data.py::test_a_user_who_cannot_be_given_a_name_is_told_so",),
    ),
)
