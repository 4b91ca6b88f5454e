"""`health save`, `check` and `page` on a project: what they print, write and exit with."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.audit import audit
from test_framework.cli import main
from test_framework.config import load
from test_framework.health import HealthError, TierFigures, read_history
from test_framework.health.reports import read_reports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

TEST = "def test_it():\n    assert len('a') == 1\n"


@pytest.fixture
def suite(project: Project) -> Project:
    """A project with three test files, and a cache of its own."""
    project.env.setenv("XDG_CACHE_HOME", str(project.path / ".cache"))
    # How long an audit takes is the machine's; what is made of it has a test of its own.
    project.env.setenv("TEST_FRAMEWORK_HEALTH_DISCOVERY_NOISE_SECONDS", "3600")
    for name in "abc":
        project.write(f"tests/unit/test_{name}.py", TEST)
    return project


def health(suite: Project, *arguments: str) -> int:
    """Run a command."""
    return main(["--root", str(suite.path), "health", *arguments])


def told(suite: Project, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Run `check --json`; return its exit status and what it says."""
    capsys.readouterr()
    status = health(suite, "check", "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, found


def report(suite: Project, **changed: object) -> Path:
    """Write a report of the unit tier."""
    tests = [{"nodeid": f"test_{n}", "outcome": "passed", "seconds": 0.25, "services": {}} for n in range(4)]
    whole = {"tier": "unit", "outcome": "passed", "tests": tests, "skips": [], "services": {}, "gate": {}}
    whole["counts"] = {"passed": 4, "failed": 0, "errors": 0, "skipped": 0}
    return suite.write("reports/unit.json", json.dumps(whole | changed))


def test_a_suite_is_saved_checked_and_shown(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The way of somebody who begins: everything is ok, and each check is in the history and on the page."""
    assert health(suite, "save") == 0
    assert "Commit it." in capsys.readouterr().out
    assert health(suite, "check") == 0
    assert "within the limits of the baseline" in capsys.readouterr().out
    assert health(suite, "page") == 0
    assert "1 check: " in capsys.readouterr().out
    assert "Within what the baseline allows" in (suite.path / "reports/health.html").read_text()
    runs, _ = read_history(suite.path / "reports/health.jsonl")
    assert [(r.files, r.drifted) for r in runs] == [(3, ())]


def test_what_has_become_worse_is_named(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken import, a file that cannot be parsed, and the folder that they are in; the exit status is 1."""
    health(suite, "save")
    suite.write("tests/unit/test_a.py", "import nothing_there\n" + TEST)
    suite.write("tests/unit/test_b.py", TEST + "(\n")
    status, found = told(suite, capsys)
    drifted = {c["check"]: c for c in found["checks"] if not c["ok"]}
    assert (status, found["ok"]) == (1, False)
    assert set(drifted) == {"broken-imports", "unparseable", "success-rate"}
    assert [item.partition(":")[0] for item in drifted["broken-imports"]["items"]] == [
        "tests/unit/test_a.py",
        "tests/unit/test_b.py",
    ]
    assert "nothing_there" in drifted["broken-imports"]["items"][0]
    assert drifted["unparseable"]["items"] == ["tests/unit/test_b.py"]
    assert drifted["success-rate"]["subject"] == "tests/unit"
    assert health(suite, "check") == 1
    assert "DRIFTED broken-imports: 2 files can no longer be imported; 0 allowed" in capsys.readouterr().out
    runs, _ = read_history(suite.path / "reports/health.jsonl")
    assert [len(r.drifted) for r in runs] == [3, 3]
    assert health(suite, "save") == 0
    assert health(suite, "check") == 0


def test_a_test_that_cannot_fail_is_drift(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told by its rule."""
    health(suite, "save")
    suite.write("tests/unit/test_a.py", "def test_it():\n    assert True\n")
    status, found = told(suite, capsys)
    assert status == 1
    assert [(c["check"], c["subject"]) for c in found["checks"] if not c["ok"]] == [("findings", "constant-assertion")]


def test_the_last_reports_count(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A tier that skips, fails and takes longer than it did."""
    report(suite)
    health(suite, "save")
    assert told(suite, capsys)[0] == 0
    worse = [{"nodeid": "a", "outcome": "failed", "seconds": 2, "services": {}}]
    report(suite, counts={"passed": 0, "failed": 1, "errors": 1, "skipped": 2}, tests=worse)
    status, found = told(suite, capsys)
    assert status == 1
    assert {c["check"] for c in found["checks"] if not c["ok"]} == {"skips", "failures", "duration"}
    assert found["now"]["tiers"]["unit"] == {
        "tests": 4,
        "skipped": 2,
        "failed": 2,
        "timeouts": None,
        "average_seconds": 2.0,
    }


def test_a_report_that_is_gone_is_red_under_ci(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere, CI makes the gate strict; a run that was interrupted is no report of a whole one."""
    path = report(suite)
    health(suite, "save")
    report(suite, outcome="interrupted")
    assert told(suite, capsys)[0] == 0
    suite.env.setenv("CI", "1")
    assert told(suite, capsys)[0] == 1
    path.unlink()
    assert told(suite, capsys)[0] == 1
    report(suite)
    assert told(suite, capsys)[0] == 0


def test_a_test_that_timed_out_is_counted(suite: Project) -> None:
    """From what pytest itself has written, with a test that fails for another reason beside it."""
    slow = "import pytest, time\n@pytest.mark.timeout(0.2, func_only=True)\ndef test_slow():\n    time.sleep(30)\n"
    suite.write("tests/unit/test_a.py", slow + "def test_wrong():\n    assert not 'from here'\n")
    suite.spawn("--tier", "unit", "-p", "no:cacheprovider")
    found = read_reports(load(suite.path, {}))["unit"]
    assert (found.tests, found.failed, found.skipped, found.timeouts) == (4, 2, 0, 1)
    assert found.average_seconds > 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unit.json", "{"),
        ("unit.json", "[]"),
        ("unit.json", '{"tier": "unit", "outcome": "passed", "counts": {"passed": 1}, "tests": []}'),
        ("unit.json", '{"tier": "unit", "outcome": "passed", "counts": {}, "tests": 3}'),
        ("unit.xml", "<testsuites"),
    ],
)
def test_a_report_that_is_none_is_one_clear_error(
    suite: Project, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    """It is named, the exit status is 2, and neither the baseline nor the history is touched."""
    report(suite)
    health(suite, "save")
    before = (suite.path / "tests/health.json").read_bytes()
    suite.write(f"reports/{name}", text)
    with pytest.raises(HealthError):
        read_reports(load(suite.path, {}))
    capsys.readouterr()
    assert (health(suite, "check"), health(suite, "save")) == (2, 2)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(f"reports/{name} is not a report" in e and "run the tier again" in e for e in errors)
    assert (suite.path / "tests/health.json").read_bytes() == before
    assert not (suite.path / "reports/health.jsonl").exists()


def test_without_a_baseline_check_is_misuse(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The way out is named, and nothing is written."""
    assert health(suite, "check") == 2
    assert "python -m test_framework health save" in capsys.readouterr().err
    assert not (suite.path / "reports").exists()


def test_a_setting_that_cannot_be_used_is_misuse(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the audit, and with where it came from."""
    health(suite, "save")
    suite.env.setenv("TEST_FRAMEWORK_HEALTH_FILES_FACTOR", "0.5")
    assert health(suite, "check") == 2
    assert "files_factor = 0.5 in TEST_FRAMEWORK_HEALTH_FILES_FACTOR" in capsys.readouterr().err


def test_an_audit_that_does_not_end_in_time_says_nothing(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the suite is no suite: there is no baseline of it, and no line in the history."""
    suite.env.setenv("TEST_FRAMEWORK_COLLECTION_TIMEOUT", "0.000001")
    assert health(suite, "save") == 2
    assert "TEST_FRAMEWORK_COLLECTION_TIMEOUT" in capsys.readouterr().err
    assert not (suite.path / "tests/health.json").exists()


def test_the_files_are_where_the_settings_say(suite: Project) -> None:
    """Baseline, history with its bound, and the page."""
    suite.configure('[tool.test_framework.health]\nbaseline = "b.json"\nhistory = "h/h.jsonl"\nhistory_runs = 2')
    for command in ("save", "check", "check", "check"):
        assert health(suite, command) == 0
    page = suite.path / "out/page.html"
    assert health(suite, "page", "--output", str(page)) == 0
    assert len((suite.path / "h/h.jsonl").read_text().splitlines()) == 2
    assert (suite.path / "b.json").is_file()
    assert page.is_file()
    shutil.rmtree(page.parent)
    page.parent.write_text("")
    assert health(suite, "page", "--output", str(page)) == 2


def test_without_jinja2_it_says_what_to_install(
    suite: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line; the checks do without it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert health(suite, "save") == health(suite, "check") == 0
    capsys.readouterr()
    assert health(suite, "page") == 2
    told = "test-framework: a page needs jinja2, which is not installed: pip install 'pytest-tiers[report]'\n"
    assert capsys.readouterr() == ("", told)


def test_the_page_tells_of_lines_that_are_lost(suite: Project) -> None:
    """A corrupt history is shown without them; a corrupt baseline is an error."""
    for command in ("save", "check"):
        health(suite, command)
    history = suite.path / "reports/health.jsonl"
    history.write_text(history.read_text() + "{\n")
    assert health(suite, "page") == 0
    assert "1 line of the history could not be read" in (suite.path / "reports/health.html").read_text()
    suite.write("tests/health.json", "{")
    assert health(suite, "page") == 2


def test_a_slow_audit_is_measured_twice(suite: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first one has no cache; the second decides, so that a machine that was busy once raises no alarm."""
    from dataclasses import replace

    from test_framework.health import snapshot

    real, seconds = audit, iter([9.0, 0.2, 0.3])

    def timed(*arguments: Any) -> Any:
        return replace(real(*arguments), seconds=next(seconds))

    monkeypatch.setattr(snapshot, "audit", timed)
    settings = load(suite.path, {})
    assert snapshot.take(settings, lambda s: s > 1).discovery_seconds == 0.2
    assert snapshot.take(settings, lambda s: s > 1).discovery_seconds == 0.3
    assert TierFigures(0).share(3) == 0
