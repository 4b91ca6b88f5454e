"""The parts of the page that are words: failures, services, skips, and what was slow."""

from __future__ import annotations

from html import escape
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from test_framework.report.html import breakable, table
from test_framework.report.wording import (
    duration,
    failures_by_message,
    leaks_by_resource,
    plural,
    services_used,
    skip_groups,
    slowest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.report.record import Record, TestEntry
    from test_framework.report.stored import Report

__all__ = ["failures", "resolutions", "skips", "slow"]

_OPENED = 3
_WHOLE = 200
"""Failures that are shown with all that pytest printed: more make the page slow, and nobody reads them."""

_NAMED = 200
"""Tests that are named of those that were skipped for the same reason."""

_SLOWEST = 20


def failures(reports: Sequence[Report]) -> Iterator[str]:
    """Yield each test that failed, with why, and the URL of the database that was kept for it."""
    groups = [(r, message, tests) for r in reports for message, tests in failures_by_message(r.record)]
    if not groups:
        yield "<p>None.</p>"
    shown = 0
    for report, message, tests in groups:
        tier = f' <span class="muted">{escape(report.name)}</span>' if len(reports) > 1 else ""
        why = f'<span class="why">{escape(message)}</span>'
        opened = len(groups) <= _OPENED
        if len(tests) == 1:
            name = f"<b>{breakable(tests[0].nodeid)}</b>{tier}<br>{why}"
            yield from _failure(name, tests[0], opened=opened, whole=shown < _WHOLE)
        else:
            yield f'<details class="failure"{" open" if opened else ""}>'
            yield f"<summary><b>{len(tests):,} tests</b>{tier}<br>{why}</summary>"
            for at, test in enumerate(tests):
                name = f"<b>{breakable(test.nodeid)}</b>"
                yield from _failure(name, test, opened=opened and at == 0, whole=shown + at < _WHOLE)
            yield "</details>"
        shown += len(tests)
    if shown > _WHOLE:
        yield f'<p class="muted">After {_WHOLE} of them, what pytest printed is in reports/TIER.json alone.</p>'


def _failure(summary: str, test: TestEntry, *, opened: bool, whole: bool) -> Iterator[str]:
    failure = test.failure
    yield f'<details class="failure"{" open" if opened else ""}><summary>{summary}</summary>'
    yield from (f'<p class="kept">Kept for you to look at: <code>{escape(url)}</code></p>' for url in test.kept)
    services = ", ".join(
        f"{name} {told['version'] or ''} on {told['provider']}" for name, told in test.services.items()
    )
    told = [f"{failure.file}:{failure.line}"] if failure else []
    told += [services] if services else []
    told += [f"after {duration(test.seconds)}"] + ([f"on {test.worker}"] if test.worker else [])
    yield f'<p class="muted">{escape("; ".join(told))}</p>'
    if failure and whole and failure.text:
        label = escape(f"What pytest printed of {test.nodeid}")
        yield f'<pre class="scroll" tabindex="0" role="region" aria-label="{label}">{escape(failure.text)}</pre>'
    yield "</details>"


def resolutions(reports: Sequence[Report]) -> Iterator[str]:
    """Yield each service with every provider that was tried, and what tests have left on it."""
    if not any(r.record.services for r in reports):
        yield "<p>No test asked for one.</p>"
    for report in reports:
        if not report.record.services:
            continue
        if len(reports) > 1:
            yield f"<h3>{escape(report.name)}</h3>"
        yield '<div class="grid">'
        for name, rows in groupby(services_used(report.record), key=itemgetter(0)):
            shown = "<br>".join(f"{escape(what)}, {plural(tests, 'test')}" for _, what, tests in rows)
            yield f'<section class="card"><h4>{escape(name)}</h4><p>{shown}</p>'
            yield '<ol class="attempts">'
            for attempt in report.record.services[name]["attempts"]:
                yield from _attempt(attempt)
            yield "</ol></section>"
        yield "</div>"
        yield from _left(report.record)


def _attempt(told: dict[str, Any]) -> Iterator[str]:
    """Yield one provider that was tried: what it said, and what to do about it."""
    code = told["code"]
    kind = "yes" if code is None else "broken" if told["kind"] == "broken" else "no"
    said = "✓ used" if code is None else escape(code)
    took = f' <span class="muted">{duration(told["seconds"])}</span>' if told["seconds"] else ""
    yield f'<li class="{kind}"><b>{escape(told["provider"])}</b> <span class="code">{said}</span>{took}'
    if code is not None:
        yield f"<br>{escape(told['message'] or '')}"
        if told["remedy"]:
            yield f'<br><span class="muted">{escape(told["remedy"])}</span>'
    yield "</li>"


def _left(record: Record) -> Iterator[str]:
    for what, nodeids in leaks_by_resource(record).items():
        more = f" and {plural(len(nodeids) - 1, 'other test')}" if len(nodeids) > 1 else ""
        yield f'<p>Left behind: {escape(what)} <span class="muted">while {escape(nodeids[0])}{more} ran</span></p>'


def skips(reports: Sequence[Report]) -> Iterator[str]:
    """Yield each reason with how many tests it skipped, what to do, and which they are."""
    groups = [(r, g) for r in reports for g in skip_groups(r.record.skips.values())]
    if not groups:
        yield "<p>None.</p>"
    for report, group in groups:
        tier = f' <span class="muted">{escape(report.name)}</span>' if len(reports) > 1 else ""
        yield f"<details><summary><b>{len(group.nodeids):,} {escape(group.code)}</b>{tier}"
        yield f'<br>{escape(group.message)}<br><span class="muted">{escape(group.remedy)}</span></summary><ul>'
        yield from (f"<li>{breakable(nodeid)}</li>" for nodeid in group.nodeids[:_NAMED])
        if len(group.nodeids) > _NAMED:
            yield f"<li>and {len(group.nodeids) - _NAMED:,} more</li>"
        yield "</ul></details>"


def slow(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the tests that took longest, and the fixtures."""
    several = len(reports) > 1
    yield "<h3>Tests</h3>"
    found = slowest(reports, _SLOWEST)
    if not found:
        yield "<p>None ran.</p>"
    else:
        head = ("Time", "Test", *(("Tier",) if several else ()), "Ran on")
        rows = [
            (
                *(duration(t.seconds), breakable(t.nodeid), *((escape(r.name),) if several else ())),
                escape(", ".join(f"{name} on {told['provider']}" for name, told in t.services.items()) or "-"),
            )
            for r, t in found
        ]
        yield from table("Slowest tests", head, rows, left=("Test", "Tier", "Ran on"))
    fixtures = sorted(((r, f) for r in reports for f in r.record.fixtures), key=lambda at: -at[1].seconds)[:_SLOWEST]
    if not fixtures:
        return
    yield '<h3>Fixtures <span class="muted">their setups, without the fixtures that they ask for</span></h3>'
    head = ("All setups", "Fixture", *(("Tier",) if several else ()), "Setups", "Slowest", "In")
    rows = [
        (
            *(
                duration(f.seconds),
                f'{escape(f.name)} <span class="muted">{escape(f.scope)}, {breakable(f.where)}</span>',
            ),
            *((escape(r.name),) if several else ()),
            *(f"{f.setups:,}", duration(f.slowest), breakable(f.test)),
        )
        for r, f in fixtures
    ]
    yield from table("Slowest fixtures", head, rows, left=("Fixture", "Tier", "In"))
