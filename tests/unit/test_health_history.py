"""The history: bounded, whole, and indifferent to lines that cannot be read and to others that write at once."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.health import HealthError, HealthRun, SuiteSnapshot, TierFigures, append, history, read_history
from test_framework.health.regressions import Check

if TYPE_CHECKING:
    from pathlib import Path

SUITE = SuiteSnapshot(
    3, 0.2, {"tests": (3, 1)}, {"tests/test_a.py": "syntax-error"}, ("a.py",), {"no-assertion": 2, "empty-body": 1}
)


def run(at: int) -> HealthRun:
    """Return a run at this minute."""
    tiers = {"unit": TierFigures(10, 1, 2, None, 0.5), "e2e": TierFigures(1)}
    return HealthRun(f"2026-11-21T07:{at:02}:00+00:00", 3, 1, 1, 3, 0.2, tiers, ("files",))


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    """In the order in which they were added."""
    path = tmp_path / "reports/health.jsonl"
    append(path, run(1), 10)
    append(path, run(2), 10)
    assert read_history(path) == ([run(1), run(2)], 0)


def test_a_run_is_the_figures_of_the_suite_with_what_has_drifted() -> None:
    """What is ok is not named."""
    checks = [
        Check("files", "", ok=False, before=1, now=3, message=""),
        Check("skips", "unit", ok=True, before=0, now=0, message=""),
    ]
    checks.append(Check("findings", "empty-body", ok=False, before=0, now=1, message=""))
    made = HealthRun.of("now", SUITE, checks)
    assert (made.files, made.broken, made.unparseable, made.findings) == (3, 1, 1, 3)
    assert made.drifted == ("files", "findings empty-body")


def test_without_a_file_there_is_no_run(tmp_path: Path) -> None:
    """The first check writes it."""
    assert read_history(tmp_path / "health.jsonl") == ([], 0)


def test_the_oldest_runs_go(tmp_path: Path) -> None:
    """So that the file stays small."""
    path = tmp_path / "health.jsonl"
    for at in range(6):
        append(path, run(at), 4)
    assert read_history(path) == ([run(2), run(3), run(4), run(5)], 0)
    assert [p.name for p in tmp_path.iterdir()] == ["health.jsonl"]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[1]",
        pytest.param(b"[" * 100_000, id="nested"),
        b"null",
        b"{}",
        json.dumps(run(9).to_json() | {"files": "many"}).encode(),
        json.dumps(run(9).to_json() | {"discovery_seconds": float("nan")}).encode(),
        json.dumps(run(9).to_json() | {"files": 10**400}).encode(),
        json.dumps(run(9).to_json() | {"tiers": [1]}).encode(),
    ],
)
def test_a_line_that_cannot_be_read_does_no_harm(tmp_path: Path, line: bytes) -> None:
    """It is counted, and stays where it is when others are added."""
    path = tmp_path / "health.jsonl"
    append(path, run(1), 10)
    path.write_bytes(path.read_bytes() + line + b"\n")
    append(path, run(2), 10)
    assert read_history(path) == ([run(1), run(2)], 1)
    assert line in path.read_bytes()
    append(path, run(3), 3)
    assert read_history(path) == ([run(2), run(3)], 1)


def test_half_a_line_takes_no_other_with_it(tmp_path: Path) -> None:
    """A writer was killed in the middle; the next one begins a line of its own."""
    path = tmp_path / "health.jsonl"
    append(path, run(1), 10)
    path.write_bytes(path.read_bytes()[:-20])
    append(path, run(2), 10)
    assert read_history(path) == ([run(2)], 1)


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four processes, also while the file is made anew because it is full."""
    path = tmp_path / "health.jsonl"
    program = """
import sys
from pathlib import Path
from test_framework.health import HealthRun, append
for number in range(25):
    append(Path(sys.argv[1]), HealthRun(f"{sys.argv[2]} {number}", 1, 0, 0, 0, 0.1, {}), 60)
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "abcd"]
    assert [w.wait(60) for w in writers] == [0, 0, 0, 0]
    runs, lost = read_history(path)
    assert (len(runs), lost) == (60, 0)
    for name in "abcd":
        # What is left of each writer is its last runs, in their order and without a gap.
        numbers = [int(r.at.split()[1]) for r in runs if r.at.startswith(name)]
        assert numbers == list(range(25 - len(numbers), 25))


def test_somebody_who_holds_it_for_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is bounded, and nothing is lost."""
    monkeypatch.setattr(history, "_LOCK_SECONDS", 0.1)
    path = tmp_path / "health.jsonl"
    append(path, run(1), 10)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(HealthError, match="another process holds the history"):
            append(path, run(2), 10)
    assert read_history(path) == ([run(1)], 0)


def test_a_history_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    """A folder stands in its place."""
    with pytest.raises(HealthError, match="cannot be written"):
        append(tmp_path, run(1), 10)
    with pytest.raises(HealthError, match="cannot be read"):
        read_history(tmp_path)
