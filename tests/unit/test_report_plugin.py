"""What a tier's run leaves: when and where each test ran, its fixtures, why it failed, the page, and GitHub's files."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from test_framework.report.stored import load

if TYPE_CHECKING:
    from tests.conftest import Project

TEST = "tests/unit/test_it.py"
PASSES = "def test_passes(): pass\n"


def test_each_test_says_when_and_where_it_ran(project: Project) -> None:
    """On workers, each of which has a name; the times are those of the run."""
    project.write(
        TEST, "import time, pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_it(n): time.sleep(0.05)\n"
    )
    assert project.spawn("--tier", "unit", "-n", "2").ret == pytest.ExitCode.OK
    report = project.report()
    assert {t["worker"] for t in report["tests"]} <= {"gw0", "gw1"}
    for test in report["tests"]:
        assert 0 < test["start"] <= test["start"] + test["seconds"] <= report["seconds"]
    by_worker = [[t for t in report["tests"] if t["worker"] == w] for w in ("gw0", "gw1")]
    for tests in by_worker:
        starts = sorted(t["start"] for t in tests)
        assert all(after - before >= 0.05 for before, after in pairwise(starts))
    assert load(project.path / "reports/unit.json").record.outcome == "passed"


FIXTURES = """
import time, pytest

@pytest.fixture(scope="module")
def shared():
    time.sleep(0.05)

@pytest.fixture
def own(shared):
    time.sleep(0.01)

@pytest.fixture
def dynamic(request):
    request.getfixturevalue("shared_too")

@pytest.fixture(scope="module")
def shared_too():
    time.sleep(0.5)

@pytest.fixture
def fast(): pass

@pytest.mark.parametrize("n", range(3))
def test_it(own, dynamic, fast, n): pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_fixtures_are_timed_by_themselves(project: Project, workers: list[str]) -> None:
    """Without those that they ask for, by their arguments or while they run; what takes no time is left out."""
    project.write(TEST, FIXTURES)
    assert (project.spawn if workers else project.run)("--tier", "unit", *workers).ret == pytest.ExitCode.OK
    found = {f["name"]: f for f in project.report()["fixtures"]}
    mine = {name: (f["scope"], f["setups"], f["where"]) for name, f in found.items() if f["where"] == TEST}
    assert mine["shared"] == mine["shared_too"] == ("module", 1, TEST)
    assert mine["own"] == ("function", 3, TEST)
    assert "n" not in found
    # One that does nothing is told of only where this machine is slow, as `dynamic` below.
    assert all(fixture["seconds"] >= 0.001 for fixture in found.values())
    assert found["shared"]["seconds"] >= 0.05
    assert found["shared_too"]["seconds"] >= 0.05
    assert found["own"]["seconds"] >= 0.03
    assert found["own"]["seconds"] > found["own"]["slowest"] >= 0.01
    assert found["own"]["test"].startswith(f"{TEST}::test_it")
    assert found.get("dynamic", {"seconds": 0})["seconds"] < found["shared_too"]["seconds"]


FAILS = """
import pytest

def helper():
    raise OSError("cannot connect\\nto postgresql://app:hunter22@h/db")

@pytest.fixture
def broken():
    assert 0, "no setup"

def test_in_a_helper():
    helper()

def test_with_a_password():
    login = {"password": "hunter22"}
    assert login == {}, "postgresql://app:hunter22@h/db"

def test_said(): pytest.fail("it is so", pytrace=False)

def test_setup(broken): pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_a_failure_says_why_and_where(project: Project, workers: list[str]) -> None:
    """In the test's own file, in one line and at length, and without a password."""
    project.write(TEST, FAILS)
    assert (project.spawn if workers else project.run)("--tier", "unit", *workers).ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    found = {t["nodeid"].rpartition("::")[2]: t["failure"] for t in report["tests"]}
    lines = FAILS.splitlines()
    told = {name: (f["message"], lines[f["line"] - 1].strip()) for name, f in found.items()}
    assert told["test_in_a_helper"] == (
        "OSError: cannot connect",
        'raise OSError("cannot connect\\nto postgresql://app:hunter22@h/db")',
    )
    assert told["test_said"][0] == "it is so"
    assert told["test_setup"] == ("AssertionError: no setup", 'assert 0, "no setup"')
    assert {f["file"] for f in found.values()} == {TEST}
    assert "helper()" in found["test_in_a_helper"]["text"]
    assert "hunter22" not in json.dumps(report)
    assert "postgresql://app:***@h/db" in found["test_with_a_password"]["text"]


def test_a_skip_says_where(project: Project) -> None:
    """By a path from the root, as all the others of the report."""
    project.write(TEST, "import pytest\n\n@pytest.mark.skipif(True, reason='not today')\ndef test_it(): pass\n")
    project.run("--tier", "unit")
    (skip,) = project.report()["skips"]
    assert skip["message"] == "not today"
    assert f"({TEST}:3)" in skip["remedy"]


def test_a_file_that_cannot_be_collected_says_why(project: Project) -> None:
    """It is the report of the file, with the line that failed."""
    project.write(TEST, "import os\nimport no_such_module\n")
    project.run("--tier", "unit")
    (test,) = project.report()["tests"]
    assert test["failure"]["file"] == TEST
    assert "no_such_module" in test["failure"]["text"]


def test_what_is_printed_is_bounded(project: Project) -> None:
    """The end of it is kept, where the cause is."""
    project.write(TEST, "def test_it():\n    raise ValueError('x' * 100_000 + ' the end')\n")
    project.run("--tier", "unit")
    (test,) = project.report()["tests"]
    assert len(test["failure"]["message"]) == 300
    assert len(test["failure"]["text"]) < 8100
    assert "the end" in test["failure"]["text"]


def test_the_page_is_written_where_settings_ask_for_it(project: Project) -> None:
    """With the reports of the other tiers; one that cannot be used is told of, and takes nothing with it."""
    project.env.setenv("COLUMNS", "300")
    project.write(TEST, PASSES)
    project.run("--tier", "unit")
    assert not (project.path / "reports/index.html").exists()
    project.configure("html = true")
    project.write("tests/smoke/test_smoke.py", PASSES)
    project.write("reports/e2e.json", "{")
    result = project.run("--tier", "smoke")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["*reports/e2e.json is not a report: *", "report: reports/smoke.json", "report: reports/index.html"]
    )
    text = (project.path / "reports/index.html").read_text()
    assert "2 tests passed in 2 tiers" in text


def test_github_gets_a_summary_and_errors(project: Project) -> None:
    """Paths are those of the repository, in which the project may be a folder."""
    summary = project.path / "summary.md"
    project.env.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.env.setenv("GITHUB_ACTIONS", "true")
    project.env.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    project.write(TEST, "def test_it():\n    assert 1 == 2\n")
    result = project.run("--tier", "unit")
    at = f"file={project.path.name}/{TEST},line=2,title=tests/unit/test_it.py%3A%3Atest_it"
    assert f"::error {at}::assert 1 == 2" in result.outlines
    assert summary.read_text().startswith("## ❌ Red: unit: 1 of 1 test failed\n")


def test_elsewhere_there_are_no_errors_for_github(project: Project) -> None:
    """Nor without a tier."""
    project.write(TEST, "def test_it(): assert 0\n")
    result = project.run("--tier", "unit")
    assert not any(line.startswith("::") for line in result.outlines)
    project.env.setenv("GITHUB_ACTIONS", "true")
    project.env.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    result = project.run()
    assert not any(line.startswith("::") for line in result.outlines)
    assert not (project.path / "summary.md").exists()


def test_a_summary_that_cannot_be_written_is_told(project: Project) -> None:
    """The run goes on: its verdict does not depend on it."""
    project.env.setenv("COLUMNS", "300")
    project.env.setenv("GITHUB_STEP_SUMMARY", str(project.path / "no" / "folder"))
    project.write(TEST, PASSES)
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*no/folder cannot be written: No such file or directory*"])


NO_TEXT = """
import pytest
def test_fails(): raise ValueError("x \\udcff y")
@pytest.mark.skip(reason="no \\udcfe")
def test_skips(): pass
"""


def test_what_is_no_text_is_told_all_the_same(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """As a name of a file that is no UTF-8 is in Python: in the summary, on the page, and after a merge."""
    summary = project.path / "summary.md"
    project.env.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.env.setenv("CI", "true")
    project.configure("html = true")
    project.write(TEST, NO_TEXT)
    assert project.run("--tier", "unit", "--shard=1/1").ret == pytest.ExitCode.TESTS_FAILED
    assert project.report()["counts"] == {"passed": 0, "failed": 1, "errors": 0, "skipped": 1}
    page = project.path / "reports/index.html"
    for path in (summary, page):
        text = path.read_text().replace("\\\\", "\\")
        assert r"ValueError: x \udcff y" in text, path
        assert r"no \udcfe" in text, path
    page.unlink()
    summary.unlink()
    for command in (["html"], ["merge", "reports", "--out", "merged.json"]):
        assert main(["--root", str(project.path), "report", *command]) in (0, 1)
    assert page.is_file()
    assert r"no \udcfe" in summary.read_text().replace("\\\\", "\\")
    assert "RED: unit: 1 of 2 tests failed" in capsys.readouterr().out


def test_a_fault_in_the_page_takes_nothing_with_it(project: Project) -> None:
    """The summary, the failures and the verdict are there, and what is missing is named."""
    project.env.setenv("COLUMNS", "300")
    project.configure("html = true")
    project.write(
        "conftest.py",
        "from test_framework.report import page\ndef fault(*_): return [][0]\npage.page = fault\n",
    )
    project.write(TEST, "def test_fails(): assert 0\n")
    result = project.spawn("--tier", "unit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*FAILURES*", "*index.html cannot be written: IndexError: list index out of range"])
    assert project.report()["outcome"] == "failed"


def test_a_run_that_cannot_write_the_page_for_want_of_jinja2(project: Project) -> None:
    """It ends as it would without the page, and says what to install."""
    project.env.setenv("COLUMNS", "300")
    project.configure("html = true")
    project.write("conftest.py", "import sys\n\nsys.modules['jinja2'] = None\n")
    project.write(TEST, PASSES)
    result = project.spawn("--tier", "unit", "--junit-xml", "junit.xml")
    assert result.ret == pytest.ExitCode.OK
    install = "pip install 'pytest-tiers?report?'"
    result.stdout.fnmatch_lines([f"*index.html cannot be written: a page needs jinja2, *: {install}"])
    assert project.report()["outcome"] == "passed"
    assert not (project.path / "reports/index.html").exists()
    assert "ATTACHMENT" not in (project.path / "junit.xml").read_text()


def test_a_shard_of_pytest_split_says_so(project: Project) -> None:
    """Which one it is, of how many; the whole says nothing."""
    project.write(TEST, "\n".join(f"def test_{n}(): pass" for n in range(4)))
    assert project.spawn("--tier", "unit", "--splits", "2", "--group", "2").ret == pytest.ExitCode.OK
    assert project.report()["shard"] == {"index": 2, "count": 2, "source": "--splits and --group"}
    assert len(project.report()["tests"]) == 2
    assert project.spawn("--tier", "unit").ret == pytest.ExitCode.OK
    assert "shard" not in project.report()


def test_what_was_required_is_in_the_report(project: Project) -> None:
    """A merge of shards needs it."""
    project.write(TEST, PASSES)
    project.run("--tier", "unit", "--require", "docker")
    assert project.report()["require"] == ["docker"]


def test_a_run_that_dies_leaves_no_page_of_the_one_before(project: Project) -> None:
    """As it leaves no report of it."""
    project.configure("html = true")
    project.write(TEST, PASSES)
    project.spawn("--tier", "unit")
    assert (project.path / "reports/index.html").exists()
    project.write(TEST, "import os\ndef test_dies(): os._exit(3)\n")
    project.spawn("--tier", "unit")
    assert not (project.path / "reports/index.html").exists()


def test_a_page_that_cannot_be_written_is_told(project: Project) -> None:
    """The run goes on: its verdict does not depend on it."""
    project.env.setenv("COLUMNS", "300")
    project.configure("html = true")
    project.write(
        TEST, "from pathlib import Path\ndef test_in_the_way(): Path('reports/index.html/x').mkdir(parents=True)\n"
    )
    result = project.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*index.html cannot be written: *"])


def test_a_provider_says_when_it_was_asked(no_service: Project) -> None:
    """Within the run; one that was switched off was not asked."""
    no_service.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
    no_service.write(TEST, "def test_needs(postgres): pass\n")
    no_service.run("--tier", "unit")
    report = no_service.report()
    docker, *others = report["services"]["postgres"]["attempts"]
    # Both are rounded to a thousandth.
    assert report["started"] - 0.001 <= docker["at"] <= report["started"] + report["seconds"] + 0.001
    assert [a for a in others if "at" in a] == []
