"""One figure as a line over the runs: an inline SVG that stretches, with its words beside it as HTML."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Point", "Series", "card"]


@dataclass(frozen=True, slots=True)
class Point:
    """A value in one run; None where it is not known."""

    at: str
    value: float | None
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over the runs, oldest first; `baseline` is None where there is none."""

    title: str
    points: Sequence[Point]
    baseline: float | None = None
    text: Callable[[float], str] = "{:g}".format
    level: int = 3

    @property
    def known(self) -> list[tuple[float, Point, float]]:
        """The points that have a value: how far to the right in percent, the point, and its value."""
        last = max(1, len(self.points) - 1)
        return [(100 * i / last, p, p.value) for i, p in enumerate(self.points) if p.value is not None]

    @property
    def top(self) -> float:
        """The upper end of the scale: round, and no lower than any value; the lower end is 0."""
        largest = max((value for _, _, value in self.known), default=0.0)
        return _round_up(max(largest, self.baseline or 0.0))


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    unit: float = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value * (1 - 1e-9))


def card(series: Series) -> Iterator[str]:
    """Yield the lines of a card: title, last value, baseline, chart."""
    known, text = series.known, series.text
    h = f"h{series.level}"
    yield '<section class="card">'
    if not known:
        yield f'<header><{h}>{escape(series.title)}</{h}><span class="value muted">-</span>'
        yield '<span class="against">not known in any run</span></header></section>'
        return
    _, last, value = known[-1]
    yield f'<header><{h}>{escape(series.title)}</{h}><span class="value">{text(value)}</span>'
    against = "no baseline" if series.baseline is None else f"baseline {text(series.baseline)}"
    worse = ' · <span class="worse">◆ drifted</span>' if last.drifted else ""
    yield f'<span class="against">{against}{worse}</span></header>'
    yield from _chart(series, known)
    yield "</section>"


def _chart(series: Series, known: Sequence[tuple[float, Point, float]]) -> Iterator[str]:
    top, text = series.top, series.text
    at = [(x, 100 * value / top) for x, _, value in known]
    told = [[round(x, 2), round(y, 2), _told(p, text)] for (x, y), (_, p, _) in zip(at, known, strict=True)]
    values = [value for _, _, value in known]
    label = (
        f"{series.title}: {plural(len(known), 'run')}, from {text(min(values))} to"
        f" {text(max(values))}, last {text(values[-1])}. The arrow keys go from run to run."
    )
    yield (
        f'<div class="chart" tabindex="0" role="group" aria-roledescription="chart" aria-label="{escape(label)}"'
        f' data-points="{escape(json.dumps(told))}">'
    )
    yield f'<div class="scale" aria-hidden="true"><span>{text(top)}</span><span>{text(0)}</span></div>'
    yield '<div class="plot"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
    if len(at) > 1:
        line = " ".join(f"{x:.2f},{100 - y:.2f}" for x, y in at)
        yield f'<polygon class="area" points="{at[0][0]:.2f},100 {line} {at[-1][0]:.2f},100"/>'
    if series.baseline is not None:
        level = 100 - 100 * series.baseline / top
        yield f'<line class="baseline" x1="0" x2="100" y1="{level:.2f}" y2="{level:.2f}"/>'
    if len(at) > 1:
        yield f'<polyline class="series" points="{line}"/>'
    yield "</svg>"
    for (x, y), (_, point, _) in zip(at, known, strict=True):
        if point.drifted:
            yield f'<span class="drift" style="left:{x:.2f}%;bottom:{y:.2f}%"></span>'
    x, y = at[-1]
    if not known[-1][1].drifted:
        yield f'<span class="dot" style="left:{x:.2f}%;bottom:{y:.2f}%"></span>'
    yield '<span class="cursor" hidden></span></div>'
    first, last = (series.points[i].at.partition(" ")[0] for i in (0, -1))
    between = "" if len(series.points) == 1 else f"<span>{escape(last)}</span>"
    yield '<output class="readout" aria-live="polite"></output>'
    yield f'<div class="span" aria-hidden="true"><span>{escape(first)}</span>{between}</div></div>'


def _told(point: Point, text: Callable[[float], str]) -> str:
    assert point.value is not None  # noqa: S101  # it is one of the known
    return f"{point.at}: {text(point.value)}{' · drifted' if point.drifted else ''}"
