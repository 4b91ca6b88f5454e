"""What was found as Markdown: the tables of the benchmark, and those of counts after them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.audit.findings import Proof
from tests.performance.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.audit.findings import Counts

__all__ = ["page", "status", "write"]


def write(folder: Path, name: str, title: str, data: Mapping[str, Any]) -> list[Proof]:
    """Write what a program has found as NAME.json and NAME.md; return the findings."""
    found = [Proof.from_json(part, told) for part, told in data["parts"].items()]
    folder.mkdir(parents=True, exist_ok=True)
    lines = page(data["machine"], found)
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text("\n".join([f"# {title}", "", *lines]) + "\n", encoding="utf-8")
    return found


def status(found: Sequence[Proof]) -> int:
    """Return the exit status: 1 when something went wrong, or an aim is not reached."""
    failed = any(absent.failed for part in found for absent in part.absent)
    return int(failed or any(figure.reached is False for part in found for figure in part.figures))


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
