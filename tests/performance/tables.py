"""Findings as Markdown."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from test_framework.e2e.levels import percentile
from tests.performance.findings import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.performance.findings import Figure, Findings, Table

__all__ = ["between_markers", "markdown", "number"]

_MANY = 100
"""From so many samples on, a table has the 95th percentile too."""

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def markdown(machine: Mapping[str, Any], found: Iterable[Findings]) -> Iterator[str]:
    """Yield the lines of a page: where it was measured, the figures with their aims, and each part's tables."""
    parts = list(found)
    yield "Measured on " + ", ".join(f"{name}: {value}" for name, value in machine.items()) + "."
    figures = [figure for part in parts for figure in part.figures]
    if figures:
        yield from ("", "| what | measured | aim | |", "|---|---|---|---|")
        yield from map(_figure, figures)
    for part in (part for part in parts if part.tables or part.absent):
        yield from ("", f"### {part.part}")
        for table in part.tables:
            yield ""
            yield from _table(table)
        if part.absent:
            yield from ("", "Not measured:", "")
            yield from (f"- {absent.case}: {' '.join(absent.why.split())}" for absent in part.absent)


def between_markers(page: str, lines: Iterable[str]) -> str:
    """Return a page with these lines in the place of what is between its two markers; raises `ValueError`."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN} and {END}, one after the other")
    return "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])


def number(value: float) -> str:
    """Return a number as a person reads it: three digits that count."""
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def _figure(figure: Figure) -> str:
    aim = ""
    if figure.at_most is not None:
        aim = f"≤ {figure.at_most:g} {figure.unit}"
    elif figure.at_least is not None:
        aim = f"≥ {figure.at_least:g} {figure.unit}"
    reached = {True: "reached", False: "**not reached**", None: ""}[figure.reached]
    return _row(figure.name, f"{number(figure.value)} {figure.unit}", aim, reached)


def _table(table: Table) -> Iterator[str]:
    if table.kind == "series":
        yield from _head(f"{table.title} ({table.unit})", ["first", "last", "max"])
        for case, values in table.samples.items():
            yield _row(case, *map(number, (values[0], values[-1], max(values))))
        return
    least = min(map(len, table.samples.values()), default=0)
    columns = ["median", *(["p95"] if least >= _MANY else []), "min .. max"]
    over = table.over if table.over in table.samples else None
    if over:
        columns.append(f"over {over}")
    ratios = table.to in table.samples
    yield from _head(f"{table.title} ({table.unit})", [*columns, *(["ratio"] if ratios else [])])
    for case, values in table.samples.items():
        cells = [number(median(values))]
        if least >= _MANY:
            cells.append(number(percentile(values, 95)))
        cells.append(f"{number(min(values))} .. {number(max(values))}")
        if over:
            cells.append(f"{table.difference(case, over):+.3f}")
        if ratios:
            ratio = table.ratio(case)
            cells.append("" if ratio is None else f"{number(ratio)} {TIMES}")
        yield _row(case, *cells)


def _head(title: str, columns: Sequence[str]) -> Iterator[str]:
    yield _row(title, *columns)
    yield "|---" + "|---:" * len(columns) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
