"""What a part of the benchmark found, as plain data: tables, JSON and plot are made of it and of nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from test_framework.e2e.levels import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["TIMES", "Absent", "Figure", "Findings", "Table"]

TIMES = "\N{MULTIPLICATION SIGN}"
"""The unit of a ratio."""


@dataclass(frozen=True, slots=True)
class Table:
    """Samples of some cases that were measured in turns.

    Attributes:
        title: What was measured.
        unit: Of the samples.
        samples: By case, one of each counted round; or many of one round, or in the order of time.
        to: The case that the ratios are to; none without one.
        over: The case that is subtracted, round by round, in a column of its own; none without one.
        kind: `bars` for samples that repeat one another, `series` for those that follow one another in time.
    """

    title: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    to: str | None = None
    over: str | None = None
    kind: Literal["bars", "series"] = "bars"

    def ratio(self, case: str) -> float | None:
        """Return how often the reference's median goes into that of a case; None where one is not above nothing."""
        if self.to is None or self.to not in self.samples:
            return None
        part, whole = median(self.samples[case]), median(self.samples[self.to])
        return part / whole if part > 0 and whole > 0 else None

    def difference(self, case: str, other: str) -> float:
        """Return the median of a case less another one; of rounds both had, which were measured side by side."""
        mine, theirs = self.samples[case], self.samples[other]
        if len(mine) == len(theirs):
            return median(a - b for a, b in zip(mine, theirs, strict=True))
        return median(mine) - median(theirs)

    def to_json(self) -> dict[str, Any]:
        """Write it, with what follows from the samples."""
        return {**asdict(self), "found": {case: self._found(case) for case in self.samples}}

    def _found(self, case: str) -> dict[str, float | None]:
        values = self.samples[case]
        found: dict[str, float | None] = {"median": median(values), "min": min(values), "max": max(values)}
        found["p95"] = percentile(values, 95)
        if self.to:
            found["ratio"] = self.ratio(case)
        if self.over is not None and self.over in self.samples:
            found["over"] = self.difference(case, self.over)
        return found


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a run comes to, and what is aimed at.

    Attributes:
        name: What it is.
        value: The number.
        unit: Of both; `TIMES` for a ratio.
        at_most: The aim, where less is better.
        at_least: The aim, where more is better.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the aim is; None without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least


@dataclass(frozen=True, slots=True)
class Absent:
    """A case that was not measured, with the reason; `failed` when it could have been, and went wrong."""

    case: str
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one part found."""

    part: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()
    absent: tuple[Absent, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        return {
            "tables": [table.to_json() for table in self.tables],
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
            "absent": [asdict(absent) for absent in self.absent],
        }

    @classmethod
    def from_json(cls, part: str, data: Mapping[str, Any]) -> Findings:
        """Read what `to_json` wrote; what follows from the samples is worked out anew."""
        tables = [Table(**{k: v for k, v in table.items() if k != "found"}) for table in data["tables"]]
        figures = [Figure(**{k: v for k, v in figure.items() if k != "reached"}) for figure in data["figures"]]
        return cls(part, tuple(tables), tuple(figures), tuple(Absent(**absent) for absent in data["absent"]))
