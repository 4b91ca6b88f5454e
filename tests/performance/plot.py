"""Findings as one picture: a field for each table, with bars for medians or lines over time."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.performance.findings import Findings, Table

__all__ = ["draw"]

_COLUMNS = 2
_WIDTH = 9.0
_BAR = 0.32
_FRAME = 1.1
_SERIES = 2.6
"""Inches: a field, a bar, what is around the bars, and a field of lines."""

_WIDE = 20.0
"""From this ratio of the largest to the smallest on, an axis is logarithmic."""


def draw(found: Iterable[Findings], path: Path) -> None:
    """Write the picture; raises `ImportError` where matplotlib is not installed."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    # Text as text, and no date and no random names: what was measured is all that differs between two pictures.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "performance", "font.size": 8})
    tables = [(part.part, table) for part in found for table in part.tables if table.samples]
    if not tables:
        path.unlink(missing_ok=True)
        return
    rows = [tables[at : at + _COLUMNS] for at in range(0, len(tables), _COLUMNS)]
    heights = [max(_height(table) for _, table in row) for row in rows]
    figure = plt.figure(figsize=(_COLUMNS * _WIDTH, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(rows), _COLUMNS, height_ratios=heights)
    for down, row in enumerate(rows):
        for across, (part, table) in enumerate(row):
            axes = figure.add_subplot(grid[down, across])
            (_bars if table.kind == "bars" else _lines)(axes, table)
            axes.set_title(f"{part}: {table.title}", loc="left", fontweight="bold")
            axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _height(table: Table) -> float:
    return _SERIES if table.kind == "series" else _FRAME + _BAR * len(table.samples)


def _bars(axes: Any, table: Table) -> None:
    cases = list(table.samples)
    middles = [median(table.samples[case]) for case in cases]
    lows = [max(0.0, m - min(table.samples[case])) for case, m in zip(cases, middles, strict=True)]
    highs = [max(table.samples[case]) - m for case, m in zip(cases, middles, strict=True)]
    colours = ["tab:orange" if case == table.to else "tab:blue" for case in cases]
    axes.barh(cases, middles, xerr=(lows, highs), color=colours, error_kw={"elinewidth": 0.8, "capsize": 2})
    axes.invert_yaxis()
    axes.set_xlabel(f"{table.unit}, median and min .. max")
    if min(middles) > 0 and max(middles) / min(middles) > _WIDE:
        axes.set_xscale("log")
    for case, middle in zip(cases, middles, strict=True):
        axes.annotate(f" {middle:.3g}", (max(table.samples[case]), case), va="center")
    axes.margins(x=0.12)


def _lines(axes: Any, table: Table) -> None:
    for case, values in table.samples.items():
        axes.plot(range(len(values)), values, label=case)
    axes.set_ylabel(table.unit)
    axes.set_xlabel("samples, in the order of time")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
