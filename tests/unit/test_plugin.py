"""The plugin without any service: which tests a tier runs, what is told and reported, and the exit code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

# Imported here, so that a run inside of a test does not import them anew.
import test_framework.providers.docker
import test_framework.services.postgres
import test_framework.supervisor.local  # noqa: F401
from test_framework.plugin.markers import MARKERS

if TYPE_CHECKING:
    from tests.conftest import Project

PASSES = "def test_passes(): pass\n"
NEEDS = "def test_needs(postgres): pass\n"
TEST = "tests/unit/test_it.py"


@pytest.fixture
def no_service(no_service: Project) -> Project:
    """Return the project, whose runs ask for services in this process."""
    no_service.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
    return no_service


def collected(project: Project, *args: str) -> set[str]:
    """Return the names of the tests that a run would run."""
    result = project.run("--collect-only", "-q", *args)
    assert result.ret == pytest.ExitCode.OK
    return {line.rpartition("::")[2] for line in result.outlines if "::" in line}


def summary(result: pytest.RunResult) -> list[str]:
    """Return the lines of our summary that each one has: its heading and its verdict."""
    heading = re.compile(r"=+ (services|tier \S+) =+")
    return [line for line in result.outlines if line.startswith(("red", "green")) or heading.fullmatch(line)]


@pytest.fixture
def everywhere(project: Project) -> Project:
    """Return a project with a test in each of several tiers and one outside of all."""
    for folder in ("unit", "smoke", "e2e", "e2e/staging", "nowhere"):
        name = folder.replace("/", "_")
        project.write(f"tests/{folder}/test_{name}.py", f"def test_{name}(): pass")
    return project


@pytest.mark.parametrize(
    ("args", "tests"),
    [
        (["--tier", "e2e"], {"test_e2e"}),
        (["--tier", "e2e-staging"], {"test_e2e_staging"}),
        (["--tier", "e2e", "tests/e2e/test_e2e.py"], {"test_e2e"}),
        (["--tier", "e2e", "tests"], {"test_e2e"}),
        (["--tier", "e2e", "tests/e2e", "tests/nowhere", "tests/unit"], {"test_e2e"}),
        ([], {"test_unit", "test_smoke", "test_e2e", "test_e2e_staging", "test_nowhere"}),
    ],
)
def test_a_tier_runs_its_own_files(everywhere: Project, args: list[str], tests: set[str]) -> None:
    """Also where the folder of another tier lies below its own; without a tier everything runs."""
    assert collected(everywhere, *args) == tests


def test_a_tier_of_ones_own(everywhere: Project) -> None:
    """A table in the file is all it takes, from whichever folder the run begins."""
    everywhere.configure("tiers.odd.paths = ['tests/nowhere', 'tests/unit/test_unit.py']")
    everywhere.env.chdir(everywhere.path / "tests" / "smoke")
    assert collected(everywhere, "--tier", "odd") == {"test_nowhere", "test_unit"}


def test_a_tier_s_file_by_a_link_to_the_project(everywhere: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is of its tier, whichever way leads to it."""
    link = tmp_path_factory.mktemp("links") / "project"
    link.symlink_to(everywhere.path)
    assert collected(everywhere, "--tier", "unit", f"{link}/tests/unit/test_unit.py") == {"test_unit"}
    assert collected(everywhere, "--tier", "unit", f"{link}/tests/unit") == {"test_unit"}


def test_the_header_says_what_will_be_tried(project: Project) -> None:
    """Tier, providers in order, and where that order came from, without those that are switched off."""
    project.write(TEST, PASSES)
    result = project.run("--tier", "unit", "--providers", "embedded,docker,explicit", "--no-docker")
    result.stdout.fnmatch_lines(["test framework: tier unit, providers embedded, explicit (--providers)"])


@pytest.mark.parametrize(
    ("args", "variables", "providers"),
    [
        (["--environment", "staging"], {}, "staging (--environment=staging)"),
        (["--environment", "local", "--no-docker"], {}, "explicit, embedded (the default)"),
        (["--no-docker"], {"TEST_FRAMEWORK_DISABLED": "embedded"}, "explicit, staging (the default)"),
        (["--providers", "docker"], {"TEST_FRAMEWORK_PROVIDERS": "embedded"}, "docker (--providers)"),
    ],
)
def test_options_choose_the_providers(
    project: Project, args: list[str], variables: dict[str, str], providers: str
) -> None:
    """The command line adds to what is switched off already, and replaces an order."""
    project.write(TEST, PASSES)
    for name, value in variables.items():
        project.env.setenv(name, value)
    result = project.run(*args, "--collect-only", "-q", "--verbose")
    assert f"test framework: tier -, providers {providers}" in result.outlines


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        ("def postgres(): return 'mine'", "passed"),
        ("def postgres(postgres): return 'mine'", "skipped"),
        ("def other(postgres): return 'mine'", "skipped"),
    ],
)
def test_a_fixture_of_the_projects_own(no_service: Project, own: str, outcome: str) -> None:
    """One with the name of ours needs no service, unless it asks for the one whose place it takes."""
    no_service.write("tests/unit/conftest.py", f"import pytest\n\n@pytest.fixture\n{own}\n")
    name = "other" if "other" in own else "postgres"
    no_service.write(TEST, f"def test_own({name}): assert {name} == 'mine'")
    no_service.run("--tier", "unit")
    assert [t["outcome"] for t in no_service.report()["tests"]] == [outcome]


def test_a_test_can_read_the_settings(project: Project) -> None:
    """With what the command line says, which counts most."""
    project.configure("levels.concurrent_users = 20\nlevels.connect_seconds = 1.5")
    project.write(
        TEST,
        "def test_levels(framework_settings):\n"
        "    levels = framework_settings.levels\n"
        "    assert (levels.concurrent_users, levels.connect_seconds) == (30, 1.5)\n",
    )
    assert project.run("--concurrent-users", "30").ret == pytest.ExitCode.OK


def test_a_run_that_uses_nothing_says_nothing(project: Project) -> None:
    """Without a tier, a service or a skip there is no summary and no report of ours."""
    project.write(TEST, PASSES + "def test_is_strict(): pass")
    result = project.run()
    assert summary(result) == []
    assert not (project.path / "reports").exists()


def test_a_skip_is_told_with_what_to_do(no_service: Project) -> None:
    """The summary and the report name the code, every provider that was tried, and a remedy."""
    no_service.write(TEST, NEEDS + PASSES)
    result = no_service.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    assert len(summary(result)) == 2
    result.stdout.fnmatch_lines(
        [
            "*= tier unit =*",
            "green (lenient gate, red in CI): 1 skip not allowed: socket-missing; 1 passed",
            "postgres: unavailable",
            "providers not used:",
            "  docker (postgres; 1 test skipped): socket-missing: no Docker socket at",
            "    unix:///nope.sock (from DOCKER_HOST)",
            "what to do:",
            "  Start Docker *, or",
            "    set DOCKER_HOST.",
            "report: reports/unit.json",
        ]
    )
    report = no_service.report()
    assert (report["tier"], report["outcome"]) == ("unit", "passed")
    assert report["counts"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 1}
    (skip,) = report["skips"]
    assert skip["nodeid"] == f"{TEST}::test_needs"
    assert skip["code"] == "socket-missing"
    assert "unix:///nope.sock" in skip["message"]
    assert "embedded, explicit, staging: disabled by TEST_FRAMEWORK_PROVIDERS" in skip["message"]
    assert "DOCKER_HOST" in skip["remedy"]
    attempts = report["services"]["postgres"]["attempts"]
    assert [a["provider"] for a in attempts] == ["docker", "embedded", "explicit", "staging"]
    assert {a["code"] for a in attempts[1:]} == {"provider-disabled"}
    assert report["gate"] == {"strict": False, "verdict": "green", "why": "1 skip not allowed: socket-missing"}


OUTCOMES = """
import pytest, unittest

@pytest.fixture
def fails_before():
    assert 0

@pytest.fixture
def fails_after():
    yield
    assert 0

def test_passed(): pass
def test_failed(): assert 0
def test_error_before(fails_before): pass
def test_error_after(fails_after): pass
def test_failed_and_error_after(fails_after): assert 0
@pytest.mark.xfail
def test_xfailed(): assert 0
@pytest.mark.xfail
def test_xpassed(): pass
@pytest.mark.xfail(run=False, reason="hangs")
def test_skipped_xfail(): pass
def test_skipped(): pytest.skip("not today")
def test_skipped_in_silence(): pytest.skip()
@pytest.mark.skip
def test_skipped_always(): pass
@pytest.mark.skipif(True, reason="on this machine")
def test_skipped_if(): pass
class TestCase(unittest.TestCase):
    def test_skipped_case(self): self.skipTest("as ever")
"""


def test_every_outcome_is_recorded(project: Project) -> None:
    """Each test is there once, whatever its phases said, and each skip with a reason and the place that gave it."""
    project.write(TEST, OUTCOMES)
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    outcomes = {t["nodeid"].rpartition("test_")[2]: t["outcome"] for t in report["tests"]}
    assert outcomes == {
        "passed": "passed",
        "failed": "failed",
        "error_before": "error",
        "error_after": "error",
        "failed_and_error_after": "failed",
        "xfailed": "xfailed",
        "xpassed": "xpassed",
        "skipped_xfail": "skipped",
        "skipped": "skipped",
        "skipped_in_silence": "skipped",
        "skipped_always": "skipped",
        "skipped_if": "skipped",
        "skipped_case": "skipped",
    }
    assert report["counts"] == {"passed": 1, "failed": 2, "errors": 2, "skipped": 6, "xfailed": 1, "xpassed": 1}
    assert {s["nodeid"].rpartition("test_skipped")[2]: s["message"] for s in report["skips"]} == {
        "_xfail": "[NOTRUN] hangs",
        "": "not today",
        "_in_silence": "no reason given",
        "_always": "unconditional skip",
        "_if": "on this machine",
        "_case": "as ever",
    }
    for skip in report["skips"]:
        assert skip["code"] == "skipped-by-test"
        assert "test_it.py" in skip["remedy"]


def test_what_cannot_be_collected_is_recorded(project: Project) -> None:
    """A broken file is an error and one that skips itself a skip; the other files' tests run on demand."""
    project.write("tests/unit/test_broken.py", "import nowhere\n")
    project.write("tests/unit/test_absent.py", "import pytest\npytest.importorskip('nowhere')\n")
    project.write(TEST, PASSES)
    result = project.run("--tier", "unit", "--continue-on-collection-errors")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    assert report["counts"] == {"passed": 1, "failed": 0, "errors": 1, "skipped": 1}
    assert "nowhere" in report["skips"][0]["message"]


def test_junit_is_written_beside_the_report(project: Project) -> None:
    """It has every test."""
    project.write(TEST, PASSES)
    project.run("--tier", "unit")
    written = ET.parse(project.path / "reports" / "unit.xml")  # noqa: S314  # our own
    assert written.getroot().find(".//testcase[@name='test_passes']") is not None


def test_junit_is_written_where_the_command_line_says(project: Project) -> None:
    """And nowhere else."""
    project.write(TEST, PASSES)
    project.run("--tier", "unit", "--junitxml", "mine.xml")
    assert (project.path / "mine.xml").exists()
    assert not (project.path / "reports" / "unit.xml").exists()


SKIPS_ITSELF = """
import unittest

class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not here")
    def test_it(self): pass
"""


def test_a_class_that_skips_itself(project: Project) -> None:
    """The remedy names the test, and not the line of pytest that skips for it."""
    project.write(TEST, SKIPS_ITSELF)
    project.run("--tier", "unit")
    (skip,) = project.report()["skips"]
    assert f"({TEST}::TestIt::test_it)" in skip["remedy"]


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--setup-only", "--fixtures", "--cache-show"])
def test_a_run_of_no_tests_leaves_the_report_alone(project: Project, option: str) -> None:
    """It judges nothing and writes nothing."""
    project.write(TEST, PASSES)
    project.env.setenv("CI", "true")
    report = project.write("reports/unit.json", "of the run before")
    result = project.run("--tier", "unit", option)
    assert result.ret == pytest.ExitCode.OK
    assert report.read_text() == "of the run before"
    assert not [line for line in result.outlines if line.startswith(("red:", "green:"))]


EXITS = """
import pytest

def test_first(): pass
def test_exits(): pytest.exit("enough", returncode=0)
def test_last(): assert 0
"""


def test_a_run_that_a_test_ends_is_red(project: Project) -> None:
    """Whichever exit status the test has asked for: those after it did not run, and it did not end itself."""
    project.write(TEST, EXITS)
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "red: run incomplete; 1 passed" in result.outlines
    assert project.report("unit")["outcome"] == "interrupted"


def test_without_a_tier_a_test_may_end_the_run(project: Project) -> None:
    """With the exit status that it asks for."""
    project.write(TEST, EXITS)
    assert project.run().ret == pytest.ExitCode.OK


def test_collecting_only_leaves_the_report_alone(project: Project) -> None:
    """It judges nothing, writes nothing and needs no service."""
    project.write(TEST, NEEDS)
    project.env.setenv("CI", "true")
    report = project.write("reports/unit.json", "of the run before")
    result = project.run("--tier", "unit", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    assert report.read_text() == "of the run before"
    assert summary(result) == []


def test_no_report_outlives_the_next_run(project: Project) -> None:
    """A run that dies must not be taken for the one before it, so that one's report goes first."""
    project.write(TEST, "from pathlib import Path\ndef test_it(): assert not Path('reports/unit.json').exists()\n")
    project.write("reports/unit.json", "of the run before")
    assert project.run("--tier", "unit").ret == pytest.ExitCode.OK


def test_markers_are_registered(project: Project) -> None:
    """Each of ours passes `--strict-markers`, and `--markers` says what it means; one with a slip is refused."""
    lines = [f"@pytest.mark.{name.partition('(')[0]}" for name in MARKERS if not name.startswith("requires")]
    project.write(TEST, "\n".join(["import pytest", "@pytest.mark.requires('redis')", *lines, "def test_it(): pass"]))
    assert project.run("--strict-markers", "--collect-only").ret == pytest.ExitCode.OK
    told = project.run("--markers").outlines
    for name, meaning in MARKERS.items():
        assert f"@pytest.mark.{name}: {meaning}" in told
    project.write(TEST, "import pytest\n@pytest.mark.integraton\ndef test_it(): pass")
    assert project.run("--strict-markers").ret == pytest.ExitCode.INTERRUPTED


def test_a_condition_is_not_met_by_what_is_switched_off(project: Project) -> None:
    """A test that uses Docker or staging by itself does not run where they must not be used."""
    project.write(TEST, "import pytest\n")
    for marker in ("docker_required", "staging"):
        text = f"@pytest.mark.{marker}\ndef test_{marker}(): raise SystemExit('it ran')\n"
        with (project.path / TEST).open("a") as file:
            file.write(text)
    project.env.setenv("STAGING_BACKEND_URL", "http://127.0.0.1:1")
    assert project.run("--tier", "unit", "--no-docker", "--environment", "local").ret == pytest.ExitCode.OK
    docker, staging = project.report()["skips"]
    assert docker["code"] == staging["code"] == "provider-disabled"
    assert docker["message"] == "docker is disabled by --environment=local and --no-docker"
    assert staging["message"] == "staging is disabled by --environment=local and --no-docker"


def test_a_google_credentials_file_is_looked_for(project: Project) -> None:
    """A variable that names no file is told with its value, and one that does meets the condition."""
    project.write(TEST, "import pytest\n@pytest.mark.gcp_required\ndef test_it(): pass\n")
    project.env.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    project.run("--tier", "unit")
    assert "/nowhere/key.json, which is no file" in project.report()["skips"][0]["message"]
    project.env.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(project.write("key.json", "{}")))
    project.run("--tier", "unit")
    assert project.report()["counts"]["passed"] == 1
