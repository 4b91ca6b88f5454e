"""Service levels: percentiles, latencies by one clock, and bounds that are kept or not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from test_framework.config.model import ServiceLevels
from test_framework.e2e.events import EVENT_ORDER, Event
from test_framework.e2e.levels import LEVELS, Measurements, latencies, percentile
from test_framework.e2e.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_CLOCK = datetime(1999, 1, 1, tzinfo=UTC)
SENT = 1000.0


def run(happened: Sequence[float], late: Sequence[float], begun: float = 0.1) -> list[Event]:
    """Return the events of a run: when each happened after the first, and how much later it was received."""
    return [
        Event(
            kind,
            kind,
            "r",
            "t",
            place,
            SERVER_CLOCK + timedelta(seconds=at),
            {},
            SENT + begun + at + after,
            {},
        )
        for place, (kind, at, after) in enumerate(zip(EVENT_ORDER, happened, late, strict=True))
    ]


def full(**changed: float) -> Measurements:
    """Return measurements of every level, all of them zero but these."""
    measured = Measurements()
    for name in LEVELS:
        measured.add(name, changed.get(name, 0.0))
    return measured


@pytest.mark.parametrize(("q", "value"), [(0, 1), (1, 1), (50, 50), (95, 95), (99, 99), (99.5, 100), (100, 100)])
def test_percentiles_are_values_that_came(q: float, value: float) -> None:
    """By nearest rank, whatever the order of the values."""
    assert percentile([float(number) for number in range(100, 0, -1)], q) == value


@pytest.mark.parametrize(("values", "q"), [([], 50), ([1.0], 101), ([1.0], -1)])
def test_a_percentile_of_nothing_is_an_error(values: list[float], q: float) -> None:
    """It is not zero."""
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, q)


def test_latency_needs_no_common_clock() -> None:
    """A tool that takes two seconds is no latency, an event that waits is; the beginning of the run counts in."""
    events = run([0, 0.1, 0.2, 2.2, 2.3], [0, 0, 0, 0.6, 0])
    assert latencies((SENT, events)) == pytest.approx([0.1, 0.1, 0.1, 0.7, 0.1])


def test_latency_is_told_best_by_the_run_that_was_begun_the_quickest() -> None:
    """Where another waited for its turn, its events were not late; a late one stays late."""
    quick = run([0] * 5, [0.001] * 5, begun=0.01)
    queued = run([3, 3, 3, 3, 3], [0.002, 0.6, 0.002, 0.002, 0.002], begun=0.01)
    assert latencies((SENT, queued), (SENT, quick)) == pytest.approx(
        [0.012, 0.61, *[0.012] * 3, *[0.011] * 5], abs=1e-6
    )
    assert latencies() == []


def test_a_run_is_measured() -> None:
    """First event, tool result and each event's latency."""
    measured = Measurements()
    measured.add_run(SENT, run([0, 0.1, 0.2, 2.2, 2.3], [0.01] * 5))
    assert measured.percentiles("first_event")["max"] == pytest.approx(0.11)
    assert measured.percentiles("tool_result")["max"] == pytest.approx(2.31)
    assert measured.percentiles("event_latency") == pytest.approx(
        {"count": 5, "p50": 0.11, "p95": 0.11, "p99": 0.11, "max": 0.11}
    )


def test_a_block_is_measured_unless_it_fails() -> None:
    """The time of what went wrong says nothing."""
    measured = Measurements()
    with measured.measure("connect"):
        wait_until(lambda: True, "at once")
    with pytest.raises(RuntimeError), measured.measure("connect"):
        raise RuntimeError
    assert measured.percentiles("connect")["count"] == 1
    assert measured.percentiles("connect")["max"] >= 0


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_that_is_exceeded_is_told(name: str) -> None:
    """With what was measured and the bound; at the bound itself it is kept."""
    levels = ServiceLevels()
    bound = getattr(levels, f"{name}_seconds")
    full(**{name: bound}).check(levels)
    with pytest.raises(AssertionError, match=f"{name}: {LEVELS[name]} is {bound + 0.1:.3f} s; .* {bound:g} s"):
        full(**{name: bound + 0.1}).check(levels)


def test_latency_is_judged_at_p95_and_the_others_at_the_worst() -> None:
    """One late event in twenty is allowed, two are not; one slow connection is not."""
    levels = ServiceLevels()
    measured = full()
    measured.add("event_latency", *[0.0] * 18, 0.6)
    measured.check(levels)
    measured.add("event_latency", 0.6, 0.6)
    with pytest.raises(AssertionError, match=r"event_latency: p95 is 0\.600 s"):
        measured.check(levels)
    slow = full()
    slow.add("connect", *[0.0] * 1000, 2.1)
    with pytest.raises(AssertionError, match=r"connect: max is 2\.100 s"):
        slow.check(levels)


def test_a_level_that_was_not_measured_is_told() -> None:
    """A bound on nothing is not kept; what is to be judged can be said."""
    measured = Measurements()
    measured.add("connect", 0.1)
    measured.check(ServiceLevels(), "connect")
    with pytest.raises(AssertionError, match="first_event: nothing was measured"):
        measured.check(ServiceLevels())
    with pytest.raises(ValueError, match=r"conect.*there are connect, first_event"):
        measured.check(ServiceLevels(), "conect")


def test_the_table_shows_every_name() -> None:
    """In milliseconds, one line each."""
    lines = full(connect=0.25).table().splitlines()
    assert lines[0].split() == ["ms", "count", "p50", "p95", "p99", "max"]
    assert lines[1].split() == ["connect", "1", "250.0", "250.0", "250.0", "250.0"]
    assert [line.split()[0] for line in lines[1:]] == list(LEVELS)


def test_threads_add_to_one_collection() -> None:
    """No sample is lost."""
    measured = Measurements()

    def add() -> None:
        for _ in range(500):
            measured.add("connect", 1.0)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert measured.percentiles("connect")["count"] == 2000
