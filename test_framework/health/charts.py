"""One figure as a line over the runs, as `charts.html` draws it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Point:
    """A value in one run; None where it is not known."""

    at: str
    value: float | None
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn of a series, and said; places are in percent of the plot, from its left and its bottom edge.

    Attributes:
        last: The last value.
        drifted: Whether that has drifted.
        label: The whole in words.
        points: Each point as JSON, for the script: its place, and what is told of it.
        top: The upper end of the scale.
        bottom: The lower end.
        line: The points of the line, for SVG, which counts from the top; empty where there is one value.
        area: The points around what is below it, likewise.
        baseline: How far below the top it is; None where there is none.
        marks: Kind and place of each mark: where the value has drifted, and where it is now.
        between: The first day, and the last one where there are two.
    """

    last: str
    drifted: bool
    label: str
    points: str
    top: str
    bottom: str
    line: str
    area: str
    baseline: str | None
    marks: Sequence[tuple[str, str, str]]
    between: Sequence[str]


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over the runs, oldest first; `baseline` is None where there is none."""

    title: str
    points: Sequence[Point]
    baseline: float | None = None
    text: Callable[[float], str] = "{:g}".format

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

    @property
    def against(self) -> str:
        """What it is compared with, in words."""
        return "no baseline" if self.baseline is None else f"baseline {self.text(self.baseline)}"

    @property
    def chart(self) -> Chart | None:
        """What is drawn; None where no value is known."""
        if not (known := self.known):
            return None
        top, text = self.top, self.text
        at = [(x, 100 * value / top) for x, _, value in known]
        told = [
            [round(x, 2), round(y, 2), _describe_point(p, text)] for (x, y), (_, p, _) in zip(at, known, strict=True)
        ]
        values = [value for _, _, value in known]
        line = " ".join(f"{x:.2f},{100 - y:.2f}" for x, y in at) if len(at) > 1 else ""
        kinds = ["drift" if point.drifted else "" for _, point, _ in known]
        kinds[-1] = kinds[-1] or "dot"
        days = [self.points[i].at.partition(" ")[0] for i in (0, -1)]
        return Chart(
            last=text(values[-1]),
            drifted=known[-1][1].drifted,
            label=f"{self.title}: {plural(len(known), 'run')}, from {text(min(values))} to"
            f" {text(max(values))}, last {text(values[-1])}. The arrow keys go from run to run.",
            points=json.dumps(told),
            top=text(top),
            bottom=text(0),
            line=line,
            area=f"{at[0][0]:.2f},100 {line} {at[-1][0]:.2f},100" if line else "",
            baseline=None if self.baseline is None else f"{100 - 100 * self.baseline / top:.2f}",
            marks=[(kind, f"{x:.2f}", f"{y:.2f}") for kind, (x, y) in zip(kinds, at, strict=True) if kind],
            between=days[: len(self.points)],
        )


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    unit: float = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value * (1 - 1e-9))


def _describe_point(point: Point, text: Callable[[float], str]) -> str:
    assert point.value is not None  # noqa: S101  # it is one of the known
    return f"{point.at}: {text(point.value)}{' · drifted' if point.drifted else ''}"
