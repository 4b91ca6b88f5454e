"""The record of a run: how outcomes are counted, what the report holds, and that it is written whole."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from test_framework.report.record import Record, read
from test_framework.resolution import Skip

if TYPE_CHECKING:
    from pathlib import Path

GATE = {"strict": False, "verdict": "green", "why": None}


def record(*outcomes: str, interrupted: bool = False) -> Record:
    """Return a run with tests of these outcomes."""
    made = Record("unit", interrupted=interrupted)
    for number, outcome in enumerate(outcomes):
        made.test(f"t.py::test_{number}").outcome = outcome
    return made


@pytest.mark.parametrize(
    ("outcomes", "counts", "outcome"),
    [
        ((), (0, 0, 0, 0), "empty"),
        (("passed",), (1, 0, 0, 0), "passed"),
        (("passed", "skipped"), (1, 0, 0, 1), "passed"),
        (("skipped", "skipped"), (0, 0, 0, 2), "skipped"),
        (("passed", "failed", "skipped"), (1, 1, 0, 1), "failed"),
        (("passed", "error"), (1, 0, 1, 0), "failed"),
        (("passed", ""), (1, 0, 0, 0), "interrupted"),
        (("failed", ""), (0, 1, 0, 0), "failed"),
    ],
)
def test_counts_and_outcome(outcomes: tuple[str, ...], counts: tuple[int, ...], outcome: str) -> None:
    """An error is a failed run, nothing but skips is no pass, and neither is a test of which nobody has heard."""
    made = record(*outcomes)
    assert made.counts == dict(zip(("passed", "failed", "errors", "skipped"), counts, strict=True))
    assert made.outcome == outcome
    assert made.ran == sum(counts[:3])


@pytest.mark.parametrize("outcome", ["xfailed", "xpassed"])
def test_what_was_expected_to_fail_is_counted_as_such(outcome: str) -> None:
    """It ran, and is neither a pass nor a skip."""
    made = record(outcome)
    assert made.counts == {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, outcome: 1}
    assert (made.outcome, made.ran) == ("passed", 1)


def test_an_interrupted_run_says_so() -> None:
    """It is not taken for a pass, whatever had passed until then."""
    assert record("passed", interrupted=True).outcome == "interrupted"


def test_a_test_is_entered_once() -> None:
    """Each phase of a test finds the same entry."""
    made = Record(None)
    made.test("a").seconds += 1
    made.test("a").seconds += 2
    assert [(t.nodeid, t.seconds) for t in made.tests.values()] == [("a", 3)]


def test_the_report_holds_everything(tmp_path: Path) -> None:
    """The file has the keys that other tools read, and kept databases only where there are some."""
    made = record("passed", "skipped")
    made.test("t.py::test_0").services["postgres"] = {"provider": "docker", "version": "17.2"}
    made.test("t.py::test_0").kept.append("postgres postgresql://app@h/tf_1")
    made.test("t.py::test_0").seconds = 0.123456
    made.skips["t.py::test_1"] = Skip("t.py::test_1", "socket-missing", "no socket", "Start it.")
    made.services["postgres"] = {"provider": "docker", "version": "17.2", "attempts": []}
    path = tmp_path / "new" / "folder" / "unit.json"
    made.write(path, GATE)
    assert json.loads(path.read_text()) == {
        "tier": "unit",
        "outcome": "passed",
        "counts": {"passed": 1, "failed": 0, "errors": 0, "skipped": 1},
        "services": {"postgres": {"provider": "docker", "version": "17.2", "attempts": []}},
        "skips": [{"nodeid": "t.py::test_1", "code": "socket-missing", "message": "no socket", "remedy": "Start it."}],
        "tests": [
            {
                "nodeid": "t.py::test_0",
                "outcome": "passed",
                "seconds": 0.1235,
                "services": {"postgres": {"provider": "docker", "version": "17.2"}},
                "kept": ["postgres postgresql://app@h/tf_1"],
            },
            {"nodeid": "t.py::test_1", "outcome": "skipped", "seconds": 0.0, "services": {}},
        ],
        "gate": GATE,
    }


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """When writing fails, the report before it stays, and no half of a new one lies beside it."""
    path = tmp_path / "unit.json"
    record("passed").write(path, GATE)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        record("failed").write(path, {"why": object()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["unit.json"]


def test_a_report_can_be_read_by_others(tmp_path: Path) -> None:
    """A CI that collects it as another user may."""
    path = tmp_path / "unit.json"
    record().write(path, GATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_report_is_read_back(tmp_path: Path) -> None:
    """What was written is what is read."""
    path = tmp_path / "unit.json"
    record("failed").write(path, GATE)
    assert read(path) == json.loads(path.read_text())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a report"),
        ('{"tier": ', "is not a report"),
        ("[1]", "it has no tier, outcome"),
        ('{"tier": "unit", "outcome": "passed", "counts": {}}', "it has no skips, gate"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / "unit.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)
