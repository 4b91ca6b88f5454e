"""One page of HTML with the trends: everything is in it, and nothing is fetched."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.health.charts import Point, Series, card
from test_framework.health.history import HealthRun
from test_framework.report.html import document, table
from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.health.reports import TierFigures
    from test_framework.health.snapshot import SuiteSnapshot

__all__ = ["page"]

_CHECK = "python -m test_framework health check"


def page(name: str, runs: Sequence[HealthRun], baseline: SuiteSnapshot | None, lost: int = 0) -> str:
    """Return the page.

    Args:
        name: The project's.
        runs: The history, oldest first.
        baseline: What is drawn for comparison; None where there is none.
        lost: How many lines of the history could not be read.
    """
    title = f"Health of the tests of {name}"
    return document(title, _body(runs, baseline, lost), ("tables", "To the tables"), Path(__file__))


def _body(runs: Sequence[HealthRun], baseline: SuiteSnapshot | None, lost: int) -> Iterator[str]:
    yield from _verdict(runs, lost)
    if runs:
        yield from _suite(runs, baseline)
        yield from _tiers(runs, baseline)
        yield from _tables(runs)


def _verdict(runs: Sequence[HealthRun], lost: int) -> Iterator[str]:
    if not runs:
        yield f"<p>There is no check yet. Make one: <code>{_CHECK}</code></p>"
    else:
        last = runs[-1]
        yield f'<p class="muted">{plural(len(runs), "check")}, the last on {escape(_when(last.at))} UTC</p>'
        if last.drifted:
            yield f'<div class="verdict bad"><strong>✗ Drifted from the baseline: {len(last.drifted)}</strong><ul>'
            yield from (f"<li>{escape(each)}</li>" for each in last.drifted)
            yield "</ul></div>"
        else:
            yield '<div class="verdict"><strong>✓ Within what the baseline allows</strong></div>'
    if lost:
        them = "line of the history" if lost == 1 else "lines of the history"
        yield f'<p class="muted">{lost} {them} could not be read and {"is" if lost == 1 else "are"} left out.</p>'


def _when(at: str) -> str:
    """Write a time to the minute."""
    return at[:16].replace("T", " ")


def _suite(runs: Sequence[HealthRun], baseline: SuiteSnapshot | None) -> Iterator[str]:
    before = HealthRun.of("", baseline, ()) if baseline else None
    figures: list[tuple[str, str, Callable[[HealthRun], float], Callable[[float], str]]] = [
        ("Test files", "files", lambda r: r.files, _number),
        ("Cannot be imported", "broken-imports", lambda r: r.broken, _number),
        ("Cannot be parsed", "unparseable", lambda r: r.unparseable, _number),
        ("Findings in tests", "findings", lambda r: r.findings, _number),
        ("Time of the audit", "discovery-time", lambda r: r.discovery_seconds, _seconds),
    ]
    yield "<h2>The suite</h2>"
    yield '<p class="key"><span class="k-series">each check</span><span class="k-base">baseline</span>'
    yield '<span class="k-drift">further from it than is allowed</span></p>'
    yield '<div class="grid">'
    for title, check, value, text in figures:
        points = [Point(_when(r.at), value(r), _drifted(r, check)) for r in runs]
        yield from card(Series(title, points, value(before) if before else None, text))
    yield "</div>"


def _drifted(run: HealthRun, check: str, subject: str = "") -> bool:
    """Whether a check of a run was not ok, of any subject when none is given."""
    return any(d == f"{check} {subject}".rstrip() or (not subject and d.startswith(f"{check} ")) for d in run.drifted)


def _tiers(runs: Sequence[HealthRun], baseline: SuiteSnapshot | None) -> Iterator[str]:
    names = sorted({name for run in runs for name in run.tiers})
    if not names:
        return
    figures: list[tuple[str, str, Callable[[TierFigures], float | None], Callable[[float], str]]] = [
        ("Skipped", "skips", lambda f: f.share(f.skipped), _share),
        ("Failed", "failures", lambda f: f.share(f.failed), _share),
        ("Timed out", "timeouts", lambda f: None if f.timeouts is None else f.share(f.timeouts), _share),
        ("Average test", "duration", lambda f: f.average_seconds, _seconds),
    ]
    yield '<h2>The tiers</h2><p class="muted">As in their last reports at the time of each check.</p>'
    for name in names:
        last = next(r.tiers[name] for r in reversed(runs) if name in r.tiers)
        tests = plural(last.tests, "test")
        yield f'<section class="tier"><h3>{escape(name)} <span class="muted">{tests}</span></h3><div class="grid">'
        before = baseline.tiers.get(name) if baseline else None
        for title, check, value, text in figures:
            points = [
                Point(_when(r.at), value(r.tiers[name]) if name in r.tiers else None, _drifted(r, check, name))
                for r in runs
            ]
            yield from card(Series(title, points, value(before) if before else None, text, level=4))
        yield "</div></section>"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


def _tables(runs: Sequence[HealthRun]) -> Iterator[str]:
    yield '<h2 id="tables" tabindex="-1">The same as tables</h2>'
    head = ("Check (UTC)", "Test files", "Not imported", "Not parsed", "Findings", "Audit", "Drifted")
    rows = [
        (
            *(escape(_when(r.at)), _number(r.files), _number(r.broken), _number(r.unparseable), _number(r.findings)),
            *(_seconds(r.discovery_seconds), escape(", ".join(r.drifted) or "-")),
        )
        for r in reversed(runs)
    ]
    yield from _table("The suite", head, rows, opened=True)
    for name in sorted({name for run in runs for name in run.tiers}):
        told = [(_when(r.at), r.tiers[name]) for r in reversed(runs) if name in r.tiers]
        yield from _table(
            f"Tier {name}",
            ("Check (UTC)", "Tests", "Skipped", "Failed", "Timed out", "Average"),
            [
                (
                    *(escape(at), _number(f.tests), _number(f.skipped), _number(f.failed)),
                    *("-" if f.timeouts is None else _number(f.timeouts), _seconds(f.average_seconds)),
                )
                for at, f in told
            ],
        )


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, opened: bool = False) -> Iterator[str]:
    yield f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>"
    yield from table(title, head, rows, left=("Drifted",))
    yield "</details>"
