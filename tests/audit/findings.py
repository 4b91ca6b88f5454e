"""What a part of the proof found: what a part of the benchmark is, and tables of counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.performance.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Counts", "Proof"]


@dataclass(frozen=True, slots=True)
class Counts:
    """A table as it is shown: its title, the names of its columns, and its rows, each of as many cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True, slots=True)
class Proof(Findings):
    """All that one part found."""

    counts: tuple[Counts, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        # Named, since a dataclass with slots is another class than the one that `super()` alone would look for.
        return {**Findings.to_json(self), "counts": [asdict(table) for table in self.counts]}

    @classmethod
    def from_json(cls, part: str, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = Findings.from_json(part, data)
        counts = tuple(Counts(**table) for table in data["counts"])
        return cls(found.part, found.tables, found.figures, found.absent, counts)
