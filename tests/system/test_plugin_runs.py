"""Whole runs of pytest with the plugin: the exit code, workers, crashes, and what is left in the process."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.needs import need

if TYPE_CHECKING:
    from tests.conftest import Project

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert 1 == 2\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('not today')\n"
NEEDS = "def test_needs(postgres): pass\n"
BROKEN = "import nowhere\n"
TEST = "tests/unit/test_it.py"
STRICT = "red: 1 skip not allowed: socket-missing; 1 passed"
LENIENT = "green (lenient gate, red in CI): 1 skip not allowed: socket-missing; 1 passed"


@pytest.mark.parametrize(
    ("args", "variables", "table", "verdict"),
    [
        ([], {}, "", LENIENT),
        ([], {"CI": "true"}, "", STRICT),
        ([], {"TEST_FRAMEWORK_GATE": "strict"}, "", STRICT),
        ([], {"TEST_FRAMEWORK_GATE": "lenient", "CI": "1"}, "", LENIENT),
        (["--require", "docker"], {}, "", STRICT),
        ([], {"CI": "true"}, "tiers.unit.allowed_skips = ['socket-missing']", "green: 1 passed, 1 skipped"),
    ],
)
def test_the_gate(no_service: Project, args: list[str], variables: dict[str, str], table: str, verdict: str) -> None:
    """A skip is red where the gate is strict and its code is not allowed; lenient says the same and is green."""
    no_service.write(TEST, NEEDS + PASSES)
    no_service.env.setenv("COLUMNS", "200")
    no_service.configure(table)
    for name, value in variables.items():
        no_service.env.setenv(name, value)
    result = no_service.run("--tier", "unit", *args)
    assert verdict in result.outlines
    red = verdict == STRICT
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if red else pytest.ExitCode.OK)
    assert no_service.report()["gate"]["verdict"] == ("red" if red else "green")


@pytest.mark.parametrize(
    ("gate", "text", "args", "outcome", "code"),
    [
        ("strict", PASSES, [], "passed", 0),
        ("lenient", PASSES + FAILS, [], "failed", 1),
        ("strict", PASSES + FAILS, [], "failed", 1),
        ("lenient", SKIPS, [], "skipped", 0),
        ("strict", SKIPS, [], "skipped", 1),
        ("lenient", SKIPS + FAILS, [], "failed", 1),
        ("lenient", PASSES, ["-k", "nothing"], "empty", 5),
        ("strict", PASSES, ["-k", "nothing"], "empty", 5),
        ("lenient", BROKEN, [], "failed", 2),
        ("strict", BROKEN, [], "failed", 2),
        ("lenient", "import pytest\npytest.skip('not today', allow_module_level=True)\n", [], "skipped", 5),
        ("strict", "import pytest\n@pytest.mark.xfail\ndef test_it(): assert 0\n", [], "passed", 0),
        ("strict", "import pytest\n@pytest.mark.xfail(run=False)\ndef test_it(): assert 0\n", [], "skipped", 1),
        ("lenient", "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): pass\n", [], "failed", 1),
    ],
)
def test_the_exit_code_is_honest(  # noqa: PLR0913, PLR0917  # one table of cases
    project: Project, gate: str, text: str, args: list[str], outcome: str, code: int
) -> None:
    """Strict reddens what did not run; neither gate ever greens what pytest has made red."""
    project.write(TEST, text)
    project.env.setenv("TEST_FRAMEWORK_GATE", gate)
    result = project.run("--tier", "unit", *args)
    assert result.ret == code
    assert project.report()["outcome"] == outcome


def test_a_run_that_stops_at_the_first_failure_reports_no_more(project: Project) -> None:
    """With `-x` the tests after it are in no count."""
    project.write(TEST, FAILS + PASSES)
    assert project.run("--tier", "unit", "-x").ret == pytest.ExitCode.TESTS_FAILED
    assert project.report()["counts"] == {"passed": 0, "failed": 1, "errors": 0, "skipped": 0}


def test_the_last_failed_can_be_run_again(project: Project) -> None:
    """`--lf` runs what failed, and its report holds no more than that."""
    project.write(TEST, PASSES + FAILS)
    assert project.run("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED
    assert project.run("--tier", "unit", "--lf").ret == pytest.ExitCode.TESTS_FAILED
    assert [t["nodeid"] for t in project.report()["tests"]] == [f"{TEST}::test_fails"]


@pytest.mark.parametrize("text", ["raise KeyboardInterrupt\n", "def test_stops(): raise KeyboardInterrupt\n"])
def test_a_run_that_a_person_stops_is_interrupted(project: Project, text: str) -> None:
    """It is no pass, no failure, and nothing is said of what did not run."""
    project.write(TEST, text)
    project.write("tests/unit/test_before.py", PASSES)
    project.env.setenv("TEST_FRAMEWORK_GATE", "strict")
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.INTERRUPTED
    assert project.report()["outcome"] == "interrupted"
    assert project.report()["gate"]["why"] is None


def test_a_run_that_dies_leaves_no_report(project: Project) -> None:
    """Nobody takes the report of the run before for its own, even when the process ends with a good exit code."""
    project.write("reports/unit.json", "of the run before")
    project.write(TEST, "import os\ndef test_dies(): os._exit(0)\n")
    project.spawn("--tier", "unit")
    assert not (project.path / "reports" / "unit.json").exists()


def test_workers_take_part_in_one_run(no_service: Project) -> None:
    """Skips, their reasons, what was tried and a worker that crashed come back from the workers of pytest-xdist."""
    no_service.write("tests/unit/test_module.py", "import pytest\npytest.skip('not today', allow_module_level=True)\n")
    no_service.write("tests/unit/test_crash.py", "import os\ndef test_crashes(): os._exit(0)\n")
    no_service.write("tests/unit/test_needs.py", NEEDS)
    no_service.write(TEST, PASSES + SKIPS)
    result = no_service.spawn("--tier", "unit", "-n", "2")
    assert "INTERNALERROR" not in result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = no_service.report()
    assert {t["nodeid"].rpartition("/")[2]: t["outcome"] for t in report["tests"]} == {
        "test_module.py": "skipped",
        "test_crash.py::test_crashes": "failed",
        "test_needs.py::test_needs": "skipped",
        "test_it.py::test_passes": "passed",
        "test_it.py::test_skips": "skipped",
    }
    assert sorted(s["code"] for s in report["skips"]) == ["skipped-by-test", "skipped-by-test", "socket-missing"]
    assert report["services"]["postgres"]["attempts"][0]["code"] == "socket-missing"


def test_workers_that_skip_everything_do_not_pass(no_service: Project) -> None:
    """The gate judges what the workers did, not what the process that waits for them did."""
    no_service.write(TEST, NEEDS)
    no_service.env.setenv("CI", "true")
    result = no_service.spawn("--tier", "unit", "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "red: 1 skip not allowed: socket-missing; nothing ran" in result.outlines


def test_a_wrong_marker_stops_the_workers(project: Project) -> None:
    """The one line of the refusal comes through, without a traceback."""
    project.write(TEST, f"import pytest\n{PASSES}\n@pytest.mark.requires('mysql')\ndef test_it(): pass\n")
    result = project.spawn("--tier", "unit", "-n", "2")
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    text = result.stdout.str() + result.stderr.str()
    assert text.count("unknown service 'mysql' in @pytest.mark.requires of tests/unit/test_it.py::test_it") == 1
    assert "Traceback" not in text
    assert project.report()["counts"]["passed"] == 0


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_collection_is_bounded(project: Project, workers: list[str]) -> None:
    """A module that sleeps when it is imported ends the run, which names the option, and not the machine's patience."""
    project.write(TEST, "import time\ntry:\n    time.sleep(600)\nexcept Exception:\n    pass\n")
    begin = time.monotonic()
    result = project.spawn("--tier", "unit", "--collection-timeout", "0.2", *workers)
    assert time.monotonic() - begin < 30
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*collection took longer than 0.2 s (--collection-timeout)*"])
    assert project.report()["outcome"] == "interrupted"


def test_the_bound_on_collection_ends_with_it(project: Project) -> None:
    """No alarm is set when the tests run, and it is theirs again."""
    text = """
        import signal
        def test_it():
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
            assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        """
    project.write(TEST, textwrap.dedent(text))
    assert project.spawn("--collection-timeout", "60", "-p", "no:timeout").ret == pytest.ExitCode.OK


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    """It is loaded into every run of pytest in the environment, also where nobody uses it."""
    code = "import sys, test_framework.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "test_framework" in loaded
    assert loaded & {"docker", "testcontainers", "rich", "psycopg", "redis", "httpx", "requests", "asyncio"} == set()


def test_a_run_without_services_starts_nothing(project: Project) -> None:
    """No driver is imported and no supervisor started for tests that need none."""
    text = """
        import sys
        def test_it():
            assert not {"docker", "testcontainers", "psycopg", "redis", "httpx"} & set(sys.modules)
            assert not [name for name in sys.modules if name.startswith("test_framework.supervisor")]
        """
    project.write(TEST, textwrap.dedent(text))
    project.env.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert project.spawn("-p", "test_framework.plugin", "--tier", "unit").ret == pytest.ExitCode.OK


CONDITIONS = """
import pytest

@pytest.mark.docker_required
def test_docker(): raise SystemExit("it ran")
@pytest.mark.staging
def test_staging(): raise SystemExit("it ran")
@pytest.mark.gcp_required
def test_google(): raise SystemExit("it ran")
@pytest.mark.requires("redis")
def test_redis(): raise SystemExit("it ran")
@pytest.mark.real_services("postgres")
def test_postgres(): raise SystemExit("it ran")
"""
UNMET = {
    "test_docker": "socket-missing: no Docker socket at unix:///nope.sock",
    "test_staging": "not-configured: staging is not configured",
    "test_google": "not-configured: Google Cloud is not configured",
    "test_redis": "socket-missing: redis: no Docker socket at unix:///nope.sock",
    "test_postgres": "socket-missing: postgres: no Docker socket at unix:///nope.sock",
}


def test_a_marker_states_a_condition(no_service: Project) -> None:
    """A test whose condition does not hold is skipped with the reason."""
    no_service.env.setenv("TEST_FRAMEWORK_PROVIDERS", "docker,staging")
    no_service.write(TEST, CONDITIONS)
    assert no_service.run("--tier", "unit").ret == pytest.ExitCode.OK
    told = {s["nodeid"].rpartition("::")[2]: f"{s['code']}: {s['message']}" for s in no_service.report()["skips"]}
    assert {name: text[: len(UNMET[name])] for name, text in told.items()} == UNMET


def test_real_services_can_be_insisted_on(no_service: Project) -> None:
    """With `--use-real-services` the same tests fail with the same reasons, and none is skipped."""
    no_service.env.setenv("TEST_FRAMEWORK_PROVIDERS", "docker,staging")
    no_service.write(TEST, CONDITIONS)
    result = no_service.run("--tier", "unit", "--use-real-services")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert no_service.report()["counts"] == {"passed": 0, "failed": 0, "errors": 5, "skipped": 0}
    for text in UNMET.values():
        assert [line for line in result.outlines if line.startswith(text)]


def test_the_services_mapping_names_what_there_is(no_service: Project) -> None:
    """Its names cost nothing; asking for a service skips the test, and for one that is none is an error."""
    no_service.write(
        TEST,
        """
        def test_names(services):
            assert {"postgres", "redis"} <= set(services)
            assert len(services) == len(list(services))
            assert "redis" in services and "mysql" not in services
        def test_asked(services): services["postgres"]
        def test_unknown(services): services["mysql"]
        """.replace("\n        ", "\n"),
    )
    result = no_service.run("--tier", "unit")
    assert no_service.report()["counts"] == {"passed": 1, "failed": 1, "errors": 0, "skipped": 1}
    result.stdout.fnmatch_lines(["*KeyError: \"'mysql' is no service; there are *postgres, redis*"])


def on_a_terminal(project: Project, rows: int, *args: str) -> str:
    """Run pytest on a terminal of so many lines of eighty; return what it wrote."""
    need("terminals")
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    # pytester forbids colours.
    unset = ("PY_COLORS", "COLUMNS", "LINES", "CI")
    env = {k: v for k, v in os.environ.items() if k not in unset} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    written = bytearray()
    with subprocess.Popen(command, cwd=project.path, env=env, stdin=terminal, stdout=terminal, stderr=terminal):
        os.close(terminal)
        # At the end, Linux says that there is nobody at the other side any more.
        with suppress(OSError):
            while part := os.read(screen, 65536):
                written += part
    os.close(screen)
    return written.decode()


MANY_REASONS = """
import pytest

@pytest.mark.parametrize("number", range(60))
def test_it(number):
    pytest.skip(f"{number}: " + "because of " * 30)

def test_fails(): assert 0
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_the_summary_fits_the_terminal(project: Project, workers: list[str]) -> None:
    """With colours, and from its heading to the end of the run no more lines than there are, or than forty."""
    project.write(TEST, MANY_REASONS)
    for rows, most in ((24, 24), (36, 36), (100, 40)):
        shown = on_a_terminal(project, rows, "--tier", "unit", "--no-summary", *workers)
        assert "\x1b[31m\x1b[1mred: 1 of 61 tests failed" in shown
        plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).splitlines()
        begin = next(n for n, line in enumerate(plain) if "= tier unit =" in line)
        assert max(map(len, plain[begin:])) <= 80
        assert most - 6 < len(plain[begin:]) < most
        assert any(re.fullmatch(r"  and \d\d more, in reports/unit\.json", line) for line in plain[begin:])


def test_no_colours_where_they_are_not_wanted(project: Project) -> None:
    """In a pipe, and on a terminal whose owner says so."""
    project.write(TEST, MANY_REASONS)
    assert "\x1b" not in project.spawn("--tier", "unit").stdout.str()
    project.env.setenv("NO_COLOR", "1")
    shown = on_a_terminal(project, 24, "--tier", "unit")
    assert "red: 1 of 61 tests failed" in shown
    assert "\x1b[3" not in shown
