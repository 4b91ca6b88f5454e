"""Service levels: how long things took, in percentiles, and whether that is good enough."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework.e2e.events import EVENT_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.config.model import ServiceLevels
    from test_framework.e2e.events import Event

__all__ = ["LEVELS", "Measurements", "latencies", "percentile"]

LEVELS = {"connect": "max", "first_event": "max", "tool_result": "max", "event_latency": "p95"}
"""What has a bound in the settings (`NAME_seconds`), and what of its samples is held against it."""

_TOOL_COMPLETED = EVENT_ORDER[3]


def percentile(values: Sequence[float], q: float) -> float:
    """Return the smallest of the values that `q` percent of them do not exceed (nearest rank); raises `ValueError`."""
    if not values or not 0 <= q <= 100:  # noqa: PLR2004  # percent
        raise ValueError(f"no percentile {q:g} of {len(values)} values; it takes 0 to 100 of one value at least")
    return sorted(values)[max(0, math.ceil(len(values) * q / 100) - 1)]


def latencies(sent: float, events: Sequence[Event]) -> list[float]:
    """Return, for each event of one run, how long after it happened it was received at most, in seconds.

    The clocks of client and server need not agree. Each is only asked for differences: the client's for the time
    from the sending of the message to the receipt of the event, the server's for the time from the first event to
    this one. The first event happened after the message was sent, so what is left when the second is taken from the
    first is the latency, and what the server needed to begin the run: an upper bound.

    Args:
        sent: When the message was sent, by `time.monotonic()`.
        events: The events of its run in order, with the first.
    """
    return [event.received - sent - (event.time - events[0].time).total_seconds() for event in events]


class Measurements:
    """Samples by name, in seconds. Safe to use from several threads."""

    def __init__(self) -> None:
        self._samples: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, *seconds: float) -> None:
        """Add samples; those of `LEVELS` have a bound, any other is only shown."""
        with self._lock:
            self._samples.setdefault(name, []).extend(seconds)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time that the block takes; nothing when it raises."""
        begin = time.monotonic()
        yield
        self.add(name, time.monotonic() - begin)

    def add_run(self, sent: float, events: Sequence[Event]) -> None:
        """Add first event, tool result and latencies of a run; `sent` and `events` as for `latencies`."""
        self.add("first_event", events[0].received - sent)
        self.add("tool_result", *(event.received - sent for event in events if event.type == _TOOL_COMPLETED))
        self.add("event_latency", *latencies(sent, events))

    def percentiles(self, name: str) -> dict[str, float]:
        """Return `count`, and `p50`, `p95`, `p99` and `max` in seconds; raises `ValueError` without samples."""
        with self._lock:
            samples = list(self._samples.get(name, ()))
        found = {f"p{q}": percentile(samples, q) for q in (50, 95, 99)}
        return {"count": len(samples)} | found | {"max": max(samples)}

    def table(self) -> str:
        """Return all of it as lines of text, in milliseconds."""
        with self._lock:
            names = [name for name, samples in self._samples.items() if samples]
        lines = [f"{'ms':<16}{'count':>8}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}"]
        for name in names:
            count, *times = self.percentiles(name).values()
            lines.append(f"{name:<16}{count:>8}" + "".join(f"{1000 * seconds:>10.1f}" for seconds in times))
        return "\n".join(lines)

    def check(self, levels: ServiceLevels, *names: str) -> None:
        """Hold what was measured against the bounds.

        Args:
            levels: The bounds, from the settings.
            names: Which of `LEVELS`; all when none is named.

        Raises:
            AssertionError: One is exceeded, or was not measured; the text names level, measured and bound.
            ValueError: A name is none of `LEVELS`.
        """
        if unknown := set(names) - LEVELS.keys():
            raise ValueError(f"no level {sorted(unknown)}; there are {', '.join(LEVELS)}")
        problems = [problem for name in names or LEVELS if (problem := self._exceeded(levels, name))]
        if problems:
            raise AssertionError("\n".join([*problems, self.table()]))

    def _exceeded(self, levels: ServiceLevels, name: str) -> str | None:
        judged, bound = LEVELS[name], getattr(levels, f"{name}_seconds")
        try:
            measured = self.percentiles(name)[judged]
        except ValueError:
            return f"{name}: nothing was measured; {judged} must not exceed {bound:g} s"
        return f"{name}: {judged} is {measured:.3f} s; it must not exceed {bound:g} s" if measured > bound else None
