"""The timeline: a lane for each service and each worker, drawn as a few paths however many tests there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.report.page.lanes import lanes, service_lanes, span
from test_framework.report.wording import duration, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from test_framework.report.page.lanes import Part
    from test_framework.report.record import Record, TestEntry

COLUMNS = 2000
_GAP = 4
"""A bar that is wider than so many columns ends one before the next begins, so that both are seen."""

_LEAST = {"failed": 8, "skipped": 2, "passed": 1}
"""Columns of a bar, so that one that is short is seen too, in the order in which they cover each other, last first."""

_EDGES = {"passed": (2, 10), "skipped": (5, 10), "up": (3, 7)}
"""Top and bottom of a bar, of ten: what went wrong is the tallest, for those too who see no red beside green."""

_KINDS = {"failed": "failed", "error": "failed", "skipped": "skipped"}
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Lane:
    """A service or a worker; `paths` are what it did, each with its kind, in the order in which they are drawn."""

    kind: str
    number: int
    name: str
    told: str
    paths: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes of a run; `ticks` are words for points in time, each with its place in percent."""

    lanes: list[Lane]
    ticks: list[tuple[float, str]]


def timeline(record: Record) -> Timeline | None:
    """Return the lanes of a run; None where it does not say when its tests ran."""
    workers = lanes(record)
    total = span(record)
    if not workers or not total:
        return None
    drawn = [
        Lane("service", at, name, _words(parts), _paths(_service_bars(parts, total), ("up", "start", "no")))
        for at, (name, parts) in enumerate(service_lanes(record))
    ]
    drawn += [
        Lane("worker", at, name or "tests", _busy(tests), _paths(_test_bars(tests, total), reversed(_LEAST)))
        for at, (name, tests) in enumerate(workers.items())
    ]
    return Timeline(drawn, [(100 * at / total, _short(at)) for at in _ticks(total)])


def _busy(tests: Sequence[TestEntry]) -> str:
    return f"{plural(len(tests), 'test')}, {duration(sum(t.seconds for t in tests))}"


def _words(parts: Sequence[Part]) -> str:
    return "; ".join(told for _, _, _, told in parts)


def _test_bars(tests: Iterable[TestEntry], total: float) -> dict[str, list[tuple[int, int]]]:
    bars: dict[str, list[tuple[int, int]]] = {}
    for test in tests:
        kind, start = _KINDS.get(test.outcome, "passed"), test.start or 0.0
        _add(bars.setdefault(kind, []), start / total, (start + test.seconds) / total, _LEAST[kind])
    return bars


def _service_bars(parts: Iterable[Part], total: float) -> dict[str, list[tuple[int, int]]]:
    bars: dict[str, list[tuple[int, int]]] = {}
    for begin, end, kind, _ in parts:
        _add(bars.setdefault(kind, []), begin / total, end / total, _LEAST["failed"])
    return bars


def _add(bars: list[tuple[int, int]], begin: float, end: float, least: int) -> None:
    """Add a bar to those before it; what falls into the same columns is one bar."""
    left = min(int(begin * COLUMNS), COLUMNS - least)
    right = min(max(math.ceil(end * COLUMNS), left + least), COLUMNS)
    if bars and left < bars[-1][1]:
        bars[-1] = (bars[-1][0], max(right, bars[-1][1]))
    else:
        bars.append((left, right))


def _paths(bars: dict[str, list[tuple[int, int]]], order: Iterable[str]) -> list[tuple[str, str]]:
    paths = []
    for kind in order:
        top, bottom = _EDGES.get(kind, (0, 10))
        across = ((a, b - (b - a > _GAP)) for a, b in bars.get(kind, ()))
        rectangles = "".join(f"M{a} {top}H{b}V{bottom}H{a}Z" for a, b in across)
        paths += [(kind, rectangles)] if rectangles else []
    return paths


def _ticks(total: float) -> list[float]:
    """Return round times from 0 on, none of them so near to the end that its words would stick out."""
    steps = [step * 10.0**power for power in range(-3, 2) for step in (1, 2, 5)] + [60, 120, 300, 600, 1800, 3600, 7200]
    step = next((s for s in steps if total / s <= _MOST_TICKS), total / _MOST_TICKS)
    return [n * step for n in range(math.floor(0.95 * total / step) + 1)]


def _short(seconds: float) -> str:
    return "0" if not seconds else duration(seconds).removesuffix(" 0 s")
