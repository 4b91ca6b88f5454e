"""Who did what when: the lanes of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.report.wording import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.report.record import Record, TestEntry

Part = tuple[float, float, str, str]
"""From and to, in seconds from the start of the run; what it is: no, start or up; and the same in words."""


def lanes(record: Record) -> dict[str, list[TestEntry]]:
    """Return the tests of each worker in the order in which they began, for those of which that is known."""
    found: dict[str, list[TestEntry]] = {}
    for test in sorted((t for t in record.tests.values() if t.start is not None), key=lambda t: t.start or 0.0):
        found.setdefault(test.worker, []).append(test)
    return dict(sorted(found.items(), key=lambda lane: _natural(lane[0])))


def _natural(worker: str) -> tuple[str, int, str]:
    """Put gw10 after gw9, and 2/gw0 after 1/gw1."""
    shard, _, name = worker.rpartition("/")
    stem = name.rstrip("0123456789")
    return (shard.zfill(6), int(name[len(stem) :] or 0), stem)


def service_lanes(record: Record) -> Iterator[tuple[str, list[Part]]]:
    """Yield each service of which it is known when: every provider that was tried, and how long it was there."""
    end = span(record)
    for name, told in sorted(record.services.items()):
        parts: list[Part] = []
        for attempt in told["attempts"]:
            if "at" not in attempt or record.started is None:
                continue
            begin = max(0.0, attempt["at"] - record.started)
            ready = min(end, begin + attempt["seconds"])
            what = attempt["code"] or "ready"
            kind = "no" if attempt["code"] else "start"
            parts.append((begin, ready, kind, f"{attempt['provider']}: {what} after {duration(attempt['seconds'])}"))
            if kind == "start":
                parts.append((ready, end, "up", f"on {attempt['provider']} from {duration(ready)} on"))
        if parts:
            yield name, parts


def span(record: Record) -> float:
    """Return how long the whole was, in seconds: no test ends later, whatever the clocks say."""
    ends = [t.start + t.seconds for t in record.tests.values() if t.start is not None]
    return max([record.seconds, *ends])
