"""What was found as Markdown: the tables of the benchmark, and those of counts after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.performance.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.audit.findings import Counts, Proof

__all__ = ["page"]


def page(machine: Mapping[str, str], found: Sequence[Proof]) -> Iterator[str]:
    """Yield the lines: where it was, the figures with their aims, the seconds of each part, and what was counted."""
    yield from markdown(machine, found)
    for table in (table for part in found for table in part.counts):
        yield from ("", f"### {table.title}", "")
        yield from _counts(table)


def _counts(table: Counts) -> Iterator[str]:
    if not table.rows:
        yield "None."
        return
    yield _row(table.columns)
    yield "|---" * len(table.columns) + "|"
    for row in table.rows:
        yield _row([f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row])


def _row(cells: Sequence[str]) -> str:
    # A bar would end the cell, and so would a line.
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"
