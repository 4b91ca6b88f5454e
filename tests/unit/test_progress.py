"""Progress: one line that changes on a terminal, and a line every ten seconds anywhere else."""

from __future__ import annotations

import itertools
import re

import pytest

from test_framework.progress import ProgressLine, Transfer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which the test sets."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def written() -> list[str]:
    """Return what was written."""
    return []


def test_a_transfer_says_its_size_its_rate_and_the_time_left(clock: list[float], written: list[str]) -> None:
    """Once a second, and nothing in between."""
    transfer = Transfer("pulling postgres:17", written.append)
    for done, clock[0] in zip(itertools.count(0, 1_000_000), (100.0, 100.5, 101.0, 101.2, 102.0), strict=False):
        transfer.update(done, 10_000_000)
    assert written == [
        "pulling postgres:17: 2 of 10 MB, 2.0 MB/s, 4 s left",
        "pulling postgres:17: 4 of 10 MB, 2.0 MB/s, 3 s left",
    ]


def test_a_transfer_that_stands_still(clock: list[float], written: list[str]) -> None:
    """It promises no time."""
    transfer = Transfer("it", written.append)
    for clock[0] in (100.0, 105.0):
        transfer.update(1_000_000, 10_000_000)
    assert written == ["it: 1 of 10 MB"]


def test_a_transfer_whose_size_is_not_known(clock: list[float], written: list[str]) -> None:
    """It says how much has come and how fast, and promises no time."""
    transfer = Transfer("it", written.append)
    for done, clock[0] in ((0, 100.0), (3_000_000, 102.0)):
        transfer.update(done, 0)
    assert written == ["it: 3 MB, 1.5 MB/s"]


def test_on_a_terminal_it_is_one_line(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text replaces the last one about the same thing; another thing has a line of its own."""
    monkeypatch.delenv("TERM", raising=False)
    line = ProgressLine(written.append, watched=True)
    for text in ("pulling a:1", "pulling a:1: 1 of 2 MB", "pulling a:1: 2 of 2 MB", "postgres: starting"):
        line(text)
    line.end()
    line.end()
    shown = "".join(written)
    assert shown.split("\n") == [
        "pulling a:1\r\x1b[Kpulling a:1: 1 of 2 MB\r\x1b[Kpulling a:1: 2 of 2 MB",
        "postgres: starting",
        "",
    ]


def test_a_line_is_no_wider_than_the_terminal(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps could not be replaced."""
    monkeypatch.setenv("COLUMNS", "20")
    ProgressLine(written.append, watched=True)("x" * 100)
    assert written == ["x" * 19]


@pytest.mark.parametrize("terminal", [False, True], ids=["a file", "a dumb terminal"])
def test_elsewhere_what_takes_long_has_a_line_every_ten_seconds(
    clock: list[float], written: list[str], monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    """What is quick has none, however much of it there is."""
    monkeypatch.setenv("TERM", "dumb")
    line = ProgressLine(written.append, watched=terminal)
    for second in range(35):
        clock[0] = 100.0 + second
        line(f"pulling: {second}")
        if second % 9 == 0:
            line(f"postgres {second}: starting")
            line(f"pulling: {second}")
    line.end()
    assert written == []
    for second in range(35):
        clock[0] = 200.0 + second
        line(f"pulling: {second}")
    assert written == ["pulling: 10\n", "pulling: 20\n", "pulling: 30\n"]
    assert not re.search(r"[\r\x1b]", "".join(written))
