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


def latencies(*runs: tuple[float, Sequence[Event]]) -> list[float]:
    """Return, for each event of all runs, how long after it happened it was received at most, in seconds.

    The clocks of client and server need not agree. The first event of a run happened after its message was sent, so
    the server's clock is ahead of ours by the difference of these two at most; the run that was begun the quickest
    says it best. With that, each event's own time is told by our clock, at the earliest, and what is left until its
    receipt is an upper bound. The bound is off by as much as the server needed to begin that quickest run.

    Args:
        runs: When the message was sent, by `time.monotonic()`, and the events of its run in order, with the first.
            All of them are of one server, or of several whose clocks agree.
    """
    ahead = min((events[0].time.timestamp() - sent for sent, events in runs), default=0.0)
    return [event.received + ahead - event.time.timestamp() for _, events in runs for event in events]


class Measurements:
    """Samples by name, in seconds. Safe to use from several threads."""

    def __init__(self) -> None:
        self._samples: dict[str, list[float]] = {}
        self._runs: list[tuple[float, Sequence[Event]]] = []
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
        with self._lock:
            self._runs.append((sent, events))

    def percentiles(self, name: str) -> dict[str, float]:
        """Return `count`, and `p50`, `p95`, `p99` and `max` in seconds; raises `ValueError` without samples."""
        samples = self._all().get(name, [])
        found = {f"p{q}": percentile(samples, q) for q in (50, 95, 99)}
        return {"count": len(samples)} | found | {"max": max(samples)}

    def table(self) -> str:
        """Return all of it as lines of text, in milliseconds."""
        lines = [f"{'ms':<16}{'count':>8}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}"]
        for name in self._all():
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

    def _all(self) -> dict[str, list[float]]:
        """Return the samples by name; latencies are told by all runs together."""
        with self._lock:
            samples = {name: list(found) for name, found in self._samples.items()}
            samples["event_latency"] = [*samples.get("event_latency", ()), *latencies(*self._runs)]
        return {name: found for name, found in samples.items() if found}
