"""How a tier's run ends: it exits 0 only with a green verdict, whatever its tests, its conftest or variables do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Project

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert 0\n"
TEST = "tests/unit/test_it.py"

EXIT = "pytest.exit('enough', returncode=0)"
FIXTURE = """
import pytest

@pytest.fixture(scope={scope!r})
def thing():
    yield
    pytest.exit("enough", returncode=0)

def test_first(thing): pass
def test_last(thing): {test}
"""
HOOK = "import os, pytest, sys\n\n@pytest.hookimpl({order})\ndef {hook}: {body}\n"


def hook(name: str, body: str, order: str = "") -> str:
    """Return a conftest with one hook."""
    return HOOK.format(hook=name, body=body, order=order)


@pytest.mark.parametrize(
    ("tests", "conftest"),
    [
        pytest.param(f"import pytest\ndef test_first(): pass\ndef test_last(): {EXIT}\n", "", id="the last test"),
        pytest.param(f"import pytest\ndef test_only(): {EXIT}\n", "", id="the only test"),
        pytest.param(FIXTURE.format(scope="function", test="pass"), "", id="a teardown"),
        pytest.param(FIXTURE.format(scope="session", test="pass"), "", id="the teardown of a session's fixture"),
        pytest.param(FIXTURE.format(scope="session", test="assert 0"), "", id="a teardown after a failure"),
        pytest.param(PASSES + FAILS, hook("pytest_runtest_logreport(report)", EXIT), id="a hook while tests run"),
        pytest.param(PASSES, hook("pytest_sessionstart()", EXIT), id="a hook before tests run"),
        pytest.param(PASSES, hook("pytest_configure()", EXIT), id="a hook that configures"),
        pytest.param(FAILS, hook("pytest_sessionfinish()", EXIT), id="a hook after the tests"),
        pytest.param(FAILS, hook("pytest_sessionfinish()", "sys.exit(0)"), id="sys.exit in a hook"),
        pytest.param(FAILS, hook("pytest_unconfigure()", "sys.exit()"), id="sys.exit in the last hook"),
        pytest.param(
            FAILS, hook("pytest_runtest_protocol(item)", "return True", "tryfirst=True"), id="a test left out"
        ),
    ],
)
def test_a_run_that_is_ended_early_is_red(project: Project, tests: str, conftest: str) -> None:
    """Nobody has heard how a test ended, so that 0, which was asked for, does not hold; nor when it is lenient."""
    project.write(TEST, tests)
    project.write("conftest.py", conftest)
    assert project.run("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED
    report = project.path / "reports/unit.json"
    assert not report.exists() or json.loads(report.read_text())["outcome"] in ("interrupted", "failed")


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ("", "session.exitstatus = 0"),
        ("trylast=True", "session.exitstatus = 0"),
        ("wrapper=True, tryfirst=True", "yield; session.exitstatus = 0"),
    ],
)
@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(FAILS, id="failed"),
        pytest.param("import pytest\ndef test_skips(): pytest.skip('not today')\n", id="skipped"),
        pytest.param("def test_stops(): raise KeyboardInterrupt\n", id="stopped"),
        pytest.param("", id="empty"),
    ],
)
def test_no_conftest_makes_a_red_run_green(project: Project, tests: str, order: str, body: str) -> None:
    """Whenever it changes the exit status of the session."""
    project.env.setenv("CI", "true")
    project.write(TEST, tests)
    project.write("conftest.py", hook("pytest_sessionfinish(session)", body, order))
    assert project.run("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED


def test_a_run_without_a_tier_ends_as_its_conftest_says(project: Project) -> None:
    """Nobody has said that it has to be whole."""
    project.write("test_it.py", FAILS)
    project.write("conftest.py", hook("pytest_sessionfinish(session)", "session.exitstatus = 0"))
    assert project.run().ret == pytest.ExitCode.OK


OPTIONS = ["--setup-plan", "--setup-only", "--collect-only", "--fixtures", "--fixtures-per-test", "--markers"]


@pytest.mark.parametrize("option", [*OPTIONS, "--cache-show", "--help"])
@pytest.mark.parametrize("where", ["variable", "file"])
def test_a_variable_that_lets_no_test_run_is_red(project: Project, option: str, where: str) -> None:
    """Also an option of the file; the report of the run before is gone."""
    project.write(TEST, PASSES)
    report = project.write("reports/unit.json", "of the run before")
    project.env.setenv("CI", "true")
    if where == "variable":
        project.env.setenv("PYTEST_ADDOPTS", option)
    else:
        project.write("pytest.ini", f"[pytest]\naddopts = {option}\n")
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"tier unit: {option} (PYTEST_ADDOPTS, or addopts" in str(result.stderr)
    assert option in ("--markers", "--help") or not report.exists()


def test_a_lenient_gate_lets_it_pass_and_says_so(project: Project) -> None:
    """As everything that the gate has something against."""
    project.write(TEST, PASSES)
    project.env.setenv("PYTEST_ADDOPTS", "--setup-plan")
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    assert "no test can be said to have run" in str(result.stderr)


def test_a_conftest_that_lets_no_test_run_is_red(project: Project) -> None:
    """It is no command line."""
    project.write(TEST, PASSES)
    project.env.setenv("CI", "true")
    project.write("conftest.py", hook("pytest_configure(config)", "config.option.collectonly = True"))
    assert project.run("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("tests", "conftest"),
    [
        pytest.param("import os\ndef test_exits(): os._exit(0)\n", "", id="test"),
        pytest.param(PASSES, "import os\nos._exit(0)\n", id="conftest"),
        pytest.param(PASSES, "import sys\nsys.exit(0)\n", id="sys.exit in a conftest"),
        pytest.param(FAILS, "import atexit, os\natexit.register(lambda: os._exit(0))\n", id="atexit, after a failure"),
    ],
)
def test_a_process_that_is_ended_is_red(project: Project, tests: str, conftest: str) -> None:
    """What ends it without a word, as `os._exit` does, does not end it with 0."""
    project.write(TEST, tests)
    project.write("conftest.py", conftest)
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED


def test_os_exit_after_a_green_verdict_is_as_ever(project: Project) -> None:
    """It has been heard how each test ended."""
    project.write(TEST, PASSES)
    project.write("conftest.py", "import atexit, os\natexit.register(lambda: os._exit(0))\n")
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.OK


FORKS = """
import os
import pytest

def test_forks():
    if child := os.fork():
        os.waitpid(child, 0)
        {parent}
"""


@pytest.mark.parametrize(("parent", "outcome"), [("assert 0", "failed"), ("os._exit(0)", None)])
def test_a_forked_process_writes_no_report(project: Project, parent: str, outcome: str | None) -> None:
    """It passes the test that it was forked in, and comes to the end of pytest, where it is ended."""
    project.write(TEST, FORKS.format(parent=parent))
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.TESTS_FAILED
    report = project.path / "reports/unit.json"
    assert (json.loads(report.read_text())["outcome"] if report.exists() else None) == outcome
    assert report.exists() == (project.path / "reports/unit.xml").exists()


def test_a_forked_process_may_end_itself(project: Project) -> None:
    """As the children of multiprocessing do."""
    test = "import os\ndef test_forks():\n    child = os.fork()\n    if not child: os._exit(0)\n"
    project.write(TEST, test + "    assert os.waitpid(child, 0)[1] == 0\n")
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("code", "status"),
    [("os._exit(0)", 1), (EXIT, 1), ("os.kill(os.getpid(), 9)", 1), ("pass", 0)],
)
def test_a_worker_that_ends_early_is_red(project: Project, code: str, status: int) -> None:
    """By pytest-xdist, in whose workers tests run."""
    project.write(TEST, f"import os, pytest\ndef test_first(): pass\ndef test_last(): {code}\n")
    ended = project.spawn("--tier", "unit", "-p", "xdist", "-n", "1", "--max-worker-restart=0").ret
    assert bool(ended) is bool(status)


def test_what_was_there_before_is_back_after_the_run(project: Project) -> None:
    """Where another program has called pytest, its own `os._exit` is none of ours."""
    before = os._exit
    project.write(TEST, FAILS)
    project.run("--tier", "unit")
    assert os._exit is before


XFAILS = """
import pytest

@pytest.mark.xfail(reason="a known fault")
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
"""


def test_a_tier_in_which_all_is_expected_to_fail_did_run(project: Project) -> None:
    """It is green, and says everywhere that these are neither passed nor skipped."""
    project.env.setenv("CI", "true")
    project.write(TEST, XFAILS)
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    assert "green: 1 xfailed, 1 xpassed" in result.outlines
    expected = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "xfailed": 1, "xpassed": 1}
    assert project.report()["counts"] == expected
    assert 'type="pytest.xfail"' in (project.path / "reports/unit.xml").read_text()


@pytest.mark.parametrize("reason", ["", "   ", "\\n"])
def test_a_blank_reason_is_none(project: Project, reason: str) -> None:
    """What is told of such a skip is that nobody has said why."""
    project.write(TEST, f'import pytest\ndef test_skips(): pytest.skip("{reason}")\n')
    project.run("--tier", "unit")
    (skip,) = project.report()["skips"]
    assert skip["message"] == "no reason given"
