"""The timeline: a lane for each service and each worker, drawn as a few paths however many tests there are."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from test_framework.report.page.lanes import lanes, service_lanes, span
from test_framework.report.wording import duration, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from test_framework.report.page.lanes import Part
    from test_framework.report.record import TestEntry
    from test_framework.report.stored import Report

__all__ = ["timeline"]

_COLUMNS = 2000
_GAP = 4
"""A bar that is wider than so many columns ends one before the next begins, so that both are seen."""

_LEAST = {"failed": 8, "skipped": 2, "passed": 1}
"""Columns of a bar, so that one that is short is seen too, in the order in which they cover each other, last first."""

_EDGES = {"passed": (2, 10), "skipped": (5, 10), "up": (3, 7)}
"""Top and bottom of a bar, of ten: what went wrong is the tallest, for those too who see no red beside green."""

_KINDS = {"failed": "failed", "error": "failed", "skipped": "skipped"}
_MOST_TICKS = 6


def timeline(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lanes of each report."""
    yield '<p class="key"><span class="k-up">service is there</span><span class="k-start">service starts</span>'
    yield '<span class="k-no">provider tried in vain</span><span class="k-passed">passed</span>'
    yield '<span class="k-failed">failed</span><span class="k-skipped">skipped</span></p>'
    for index, report in enumerate(reports):
        if len(reports) > 1:
            yield f"<h3>{escape(report.name)}</h3>"
        yield from _tier(index, report)


def _tier(index: int, report: Report) -> Iterator[str]:
    record = report.record
    workers = lanes(record)
    total = span(record)
    if not workers or not total:
        yield '<p class="muted">Its report does not say when its tests ran.</p>'
        return
    if record.shards:
        yield '<p class="muted">Each shard from its own start.</p>'
    yield f'<div class="timeline" data-tier="{index}">'
    for at, (name, parts) in enumerate(service_lanes(record)):
        yield from _lane("service", at, name, _words(parts), _drawn(_service_bars(parts, total), ("up", "start", "no")))
    for at, (name, tests) in enumerate(workers.items()):
        busy = f"{plural(len(tests), 'test')}, {duration(sum(t.seconds for t in tests))}"
        yield from _lane("worker", at, name or "tests", busy, _drawn(_test_bars(tests, total), reversed(_LEAST)))
    yield '<div class="axis" aria-hidden="true">'
    yield from (f'<span style="left:{100 * at / total:.2f}%">{_short(at)}</span>' for at in _ticks(total))
    yield '</div><output class="readout" aria-live="polite"></output></div>'


def _lane(kind: str, at: int, name: str, told: str, svg: str) -> Iterator[str]:
    label = f"{name}: {told}. The arrow keys go from one to the next."
    yield f'<div class="lane" data-kind="{kind}" data-lane="{at}"'
    yield f' tabindex="0" role="group" aria-label="{escape(label)}">'
    yield f'<span class="who">{escape(name)}</span><div class="track {kind}">'
    yield f'<svg viewBox="0 0 {_COLUMNS} 10" preserveAspectRatio="none" aria-hidden="true">{svg}</svg>'
    yield '<span class="cursor" hidden></span></div></div>'


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
    left = min(int(begin * _COLUMNS), _COLUMNS - least)
    right = min(max(math.ceil(end * _COLUMNS), left + least), _COLUMNS)
    if bars and left < bars[-1][1]:
        bars[-1] = (bars[-1][0], max(right, bars[-1][1]))
    else:
        bars.append((left, right))


def _drawn(bars: dict[str, list[tuple[int, int]]], order: Iterable[str]) -> str:
    paths = []
    for kind in order:
        top, bottom = _EDGES.get(kind, (0, 10))
        across = ((a, b - (b - a > _GAP)) for a, b in bars.get(kind, ()))
        rectangles = "".join(f"M{a} {top}H{b}V{bottom}H{a}Z" for a, b in across)
        paths += [f'<path class="{kind}" d="{rectangles}"/>'] if rectangles else []
    return "".join(paths)


def _ticks(total: float) -> list[float]:
    """Return round times from 0 on, none of them so near to the end that its words would stick out."""
    steps = [step * 10.0**power for power in range(-3, 2) for step in (1, 2, 5)] + [60, 120, 300, 600, 1800, 3600, 7200]
    step = next((s for s in steps if total / s <= _MOST_TICKS), total / _MOST_TICKS)
    return [n * step for n in range(math.floor(0.95 * total / step) + 1)]


def _short(seconds: float) -> str:
    return "0" if not seconds else duration(seconds).removesuffix(" 0 s")
