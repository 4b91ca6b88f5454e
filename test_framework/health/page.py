"""One page of HTML with the trends: everything is in it, and nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.health.charts import Point, Series
from test_framework.health.history import HealthRun
from test_framework.report.html import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.health.reports import TierFigures
    from test_framework.health.snapshot import SuiteSnapshot


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier; `runs` are those that have it, newest first, and `tests` are those of the newest."""

    name: str
    tests: int
    series: Sequence[Series]
    runs: Sequence[HealthRun]


def page(name: str, runs: Sequence[HealthRun], baseline: SuiteSnapshot | None, lost: int = 0) -> str:
    """Return the page.

    Args:
        name: The project's.
        runs: The history, oldest first.
        baseline: What is drawn for comparison; None where there is none.
        lost: How many lines of the history could not be read.

    Raises:
        BadSetting: jinja2 is not installed.
    """
    return render(
        Path(__file__),
        {"amount": _number, "minute": _when, "seconds": _seconds},
        title=f"Health of the tests of {name}",
        skip="tables",
        runs=runs,
        lost=lost,
        suite=list(_suite(runs, baseline)),
        tiers=list(_tiers(runs, baseline)),
    )


def _when(at: str) -> str:
    """Write a time to the minute."""
    return at[:16].replace("T", " ")


def _suite(runs: Sequence[HealthRun], baseline: SuiteSnapshot | None) -> Iterator[Series]:
    before = HealthRun.of("", baseline, ()) if baseline else None
    figures: list[tuple[str, str, Callable[[HealthRun], float], Callable[[float], str]]] = [
        ("Test files", "files", lambda r: r.files, _number),
        ("Cannot be imported", "broken-imports", lambda r: r.broken, _number),
        ("Cannot be parsed", "unparseable", lambda r: r.unparseable, _number),
        ("Findings in tests", "findings", lambda r: r.findings, _number),
        ("Time of the audit", "discovery-time", lambda r: r.discovery_seconds, _seconds),
    ]
    for title, check, value, text in figures:
        points = [Point(_when(r.at), value(r), _drifted(r, check)) for r in runs]
        yield Series(title, points, value(before) if before else None, text)


def _drifted(run: HealthRun, check: str, subject: str = "") -> bool:
    """Whether a check of a run was not ok, of any subject when none is given."""
    return any(d == f"{check} {subject}".rstrip() or (not subject and d.startswith(f"{check} ")) for d in run.drifted)


def _tiers(runs: Sequence[HealthRun], baseline: SuiteSnapshot | None) -> Iterator[Tier]:
    figures: list[tuple[str, str, Callable[[TierFigures], float | None], Callable[[float], str]]] = [
        ("Skipped", "skips", lambda f: f.share(f.skipped), _share),
        ("Failed", "failures", lambda f: f.share(f.failed), _share),
        ("Timed out", "timeouts", lambda f: None if f.timeouts is None else f.share(f.timeouts), _share),
        ("Average test", "duration", lambda f: f.average_seconds, _seconds),
    ]
    for name in sorted({name for run in runs for name in run.tiers}):
        having = [run for run in reversed(runs) if name in run.tiers]
        before = baseline.tiers.get(name) if baseline else None
        series = []
        for title, check, value, text in figures:
            points = [
                Point(_when(r.at), value(r.tiers[name]) if name in r.tiers else None, _drifted(r, check, name))
                for r in runs
            ]
            series.append(Series(title, points, value(before) if before else None, text))
        yield Tier(name, having[0].tiers[name].tests, series, having)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"


def _seconds(value: float) -> str:
    return f"{value:.3g} s"
