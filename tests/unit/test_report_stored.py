"""Reports that are read back: what was written is what is read, and what is no report is refused with its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.report.markdown import summary
from test_framework.report.page import page
from test_framework.report.record import Record
from test_framework.report.stored import Report, load, stored
from test_framework.report.wording import headline, outcome_line, verdict_line
from tests.support.reports import GREEN, green, long, red, shard, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("report", [red(), green(), shard(2, 3), long(50)], ids=["red", "green", "shard", "long"])
def test_a_report_survives(tmp_path: Path, report: Report) -> None:
    """With every test, reason, fixture, time and shard."""
    assert load(written(report, tmp_path / "it.json")) == report


def test_a_report_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It has no times, workers, failures or fixtures."""
    old = {
        "tier": "unit",
        "outcome": "failed",
        "counts": {"passed": 1, "failed": 1, "errors": 0, "skipped": 0},
        "services": {"redis": {"provider": "docker", "version": "8", "attempts": []}},
        "skips": [],
        "tests": [
            {"nodeid": "a", "outcome": "passed", "seconds": 0.5, "services": {}},
            {"nodeid": "b", "outcome": "failed", "seconds": 1, "services": {}, "kept": ["redis redis://x"]},
        ],
        "gate": GREEN,
    }
    path = tmp_path / "unit.json"
    path.write_text(json.dumps(old))
    report = load(path)
    assert (report.record.outcome, report.record.started, report.red) == ("failed", None, True)
    assert report.record.tests["b"].kept == ["redis redis://x"]


def _cut(told: dict[str, Any]) -> None:
    told["tests"].pop()


def _set(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda told: told.update(values)


def _in_test(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda told: told["tests"][-1].update(values)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut, "its tests say passed"),
        (_set(outcome="fine"), "'fine' is not one of interrupted"),
        (_set(outcome="failed"), "its tests say passed"),
        (_set(tests={"a": 1}), "is not a report"),
        (_set(tests=None), "is not a report"),
        (_set(services=[1]), "is not a report"),
        (_set(gate={"strict": False}), "something in it has no 'verdict'"),
        (_set(gate={"strict": "no", "verdict": "red", "why": None}), "its gate is"),
        (_set(started="now"), "'now' is not a number of seconds"),
        (_set(started=1e300), "1e\\+300 is not a number of seconds"),
        (_set(shard={"index": 4, "count": 3}), "no shard 4 of 3"),
        (_set(tier=7), "7 is not a text"),
        (
            _set(skips=[{"nodeid": "a::b", "code": "x", "message": "", "remedy": ""}]),
            "says of 'a::b' why it was skipped",
        ),
        (_in_test(outcome="burnt"), "'burnt' is not one of"),
        (_in_test(outcome=["passed"]), "is not one of"),
        (_in_test(seconds=-1), "-1 is not a number of seconds"),
        (_in_test(seconds=10**400), "0 is not a number of seconds"),
        (_in_test(services={"redis": None}), "is not a report"),
        (_in_test(failure={"message": "x"}), "something in it has no"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, spoil: Callable[[dict[str, Any]], None], told: str) -> None:
    """In one line that names the file."""
    path = written(green(), tmp_path / "unit.json")
    data = json.loads(path.read_text())
    spoil(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=told) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} is not a report: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"coverage": 93}', "\x00"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever JSON it is."""
    path = tmp_path / "unit.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a report"):
        load(path)


@pytest.mark.parametrize("tier", ["unit/../../x", "..", "", "a" * 101, "unit\n"])
def test_a_tier_that_is_no_name_is_refused(tmp_path: Path, tier: str) -> None:
    """Files are named after it."""
    path = written(green("unit"), tmp_path / "unit.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "tier": tier}))
    with pytest.raises(ValueError, match="is not the name of a tier"):
        load(path)


def test_a_test_of_which_nobody_heard_is_red(tmp_path: Path) -> None:
    """Also in a report that says that its tests have passed."""
    path = written(green("unit"), tmp_path / "unit.json")
    told = json.loads(path.read_text())
    told["tests"].append({"nodeid": "tests/unit/test_it.py::test_lost", "outcome": "", "seconds": 0, "services": {}})
    path.write_text(json.dumps(told))
    with pytest.raises(ValueError, match="its tests say interrupted"):
        load(path)


@pytest.mark.parametrize("outcome", ["xfailed", "xpassed"])
def test_what_was_expected_to_fail_is_told_everywhere(tmp_path: Path, outcome: str) -> None:
    """As such, and never as passed or skipped."""
    made = green("unit", 1)
    (test,) = made.record.tests.values()
    test.outcome = outcome
    report = load(written(made, tmp_path / "unit.json"))
    assert (outcome_line(report), verdict_line(report)) == (f"1 {outcome}", f"green: 1 {outcome}")
    assert headline([report]) == f"0 tests passed, 1 {outcome} in 1 tier"
    for text in ("\n".join(summary([report])), page("shop", [report])):
        assert f"1 {outcome}" in text
        assert "1 passed" not in text
        assert "1 skipped" not in text


def test_one_bad_report_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """It is named, and the rest is there."""
    written(green("unit"), tmp_path / "unit.json")
    (tmp_path / "smoke.json").write_text("{")
    found, unusable = stored(tmp_path, ["unit", "smoke", "e2e"])
    assert [r.name for r in found] == ["unit"]
    assert [str(tmp_path / "smoke.json") in line for line in unusable] == [True]


@pytest.mark.parametrize(
    ("outcomes", "interrupted", "gate", "is_red"),
    [
        (["passed"], False, GREEN, False),
        (["passed", "failed"], False, GREEN, True),
        (["passed"], True, GREEN, True),
        ([], False, GREEN, True),
        (["skipped"], False, GREEN, False),
        (["passed"], False, {**GREEN, "verdict": "red"}, True),
    ],
)
def test_what_is_red(outcomes: list[str], gate: dict[str, Any], *, interrupted: bool, is_red: bool) -> None:
    """As the exit code of pytest says: a failure, a run that was stopped or had no test, and the gate."""
    record = Record("unit", interrupted=interrupted)
    for number, outcome in enumerate(outcomes):
        record.test(str(number)).outcome = outcome
    assert Report.of(record, gate).red is is_red
