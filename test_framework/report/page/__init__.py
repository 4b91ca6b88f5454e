"""One page of HTML for a run of one or several tiers: the verdict first, then what is behind it."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.atomic import replace_file
from test_framework.report.html import document, table
from test_framework.report.page.data import block
from test_framework.report.page.sections import failures, resolutions, skips, slow
from test_framework.report.page.timeline import timeline
from test_framework.report.record import EXPECTED
from test_framework.report.wording import (
    duration,
    headline,
    outcome_line,
    plural,
    remedies,
    services_used,
    unavailable_attempts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.report.stored import Report

__all__ = ["page", "write_page"]

_COMMAND = "pytest --tier NAME"

_SECTIONS: dict[str, tuple[str, Callable[[Sequence[Report]], Iterator[str]]]] = {
    "failures": ("Failures", failures),
    "services": ("Services", resolutions),
    "skips": ("Skips", skips),
    "slowest": ("Slowest", slow),
    "timeline": ("Timeline", timeline),
}


def write_page(path: Path, name: str, reports: Sequence[Report]) -> None:
    """Write the page whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    # What a test says need not be text; for the script such an escape is one of JSON.
    replace_file(path, page(name, reports).encode(errors="backslashreplace"))


def page(name: str, reports: Sequence[Report]) -> str:
    """Return the page.

    Args:
        name: The project's.
        reports: One for each tier; those that are red come first.
    """
    reports = sorted(reports, key=lambda report: not report.red)
    skip = ("failures", "To the failures") if reports else ("verdict", "To the verdict")
    return document(f"Tests of {name}", _body(reports), skip, Path(__file__).with_name("page"))


def _body(reports: Sequence[Report]) -> Iterator[str]:
    if not reports:
        yield f'<p id="verdict" tabindex="-1">No tier has a report yet. Make one: <code>{_COMMAND}</code></p>'
        return
    yield from _verdict(reports)
    yield '<nav aria-label="Sections">'
    for target, (title, _) in _SECTIONS.items():
        yield f'<a href="#{target}">{title}</a>'
    yield '<a href="#tests">All tests</a></nav>'
    yield '<div class="grid tiers">'
    for report in reports:
        yield from _tier(report)
    yield "</div>"
    for target, (title, inner) in _SECTIONS.items():
        yield f'<section aria-labelledby="{target}"><h2 id="{target}" tabindex="-1">{title}</h2>'
        yield from inner(reports)
        yield "</section>"
    yield from _all_tests(reports)


def _verdict(reports: Sequence[Report]) -> Iterator[str]:
    red, allowed = any(r.red for r in reports), [r for r in reports if r.why and not r.red]
    kind, word = ("bad", "✗ Red") if red else ("but", "✓ Green, but") if allowed else ("good", "✓ Green")
    yield f'<div class="verdict {kind}" id="verdict"><strong>{word}</strong> {escape(headline(reports))}'
    if not red and allowed:
        yield "<ul>"
        yield from (f"<li>{escape(f'{r.name}: {r.why}')}; the gate is lenient</li>" for r in allowed)
        yield "</ul>"
    if found := remedies(reports):
        opened = " open" if red or allowed else ""
        yield f"<details{opened}><summary>What to do</summary><ul>"
        yield from (f'<li>{escape(do)} <span class="muted">{escape(why)}</span></li>' for do, why in found)
        yield "</ul></details>"
    yield "</div>"


def _tier(report: Report) -> Iterator[str]:
    record = report.record
    word = "✗ red" if report.red else "✓ green"
    yield f'<section class="card tier {"bad" if report.red else "good"}">'
    yield f'<header><h2>{escape(report.name)}</h2><span class="state">{word}</span></header>'
    yield from _bar(record.counts)
    yield f"<p>{escape(outcome_line(report))}</p>"
    if record.started is not None:
        at = datetime.fromtimestamp(record.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
        workers = len({t.worker for t in record.tests.values() if t.worker})
        many = f" on {plural(workers, 'worker')}" if workers else ""
        part = f", shard {record.shard.index} of {record.shard.count}" if record.shard else ""
        yield f'<p class="muted">{duration(record.seconds)}{many}{part}, {at}</p>'
    if services := list(services_used(record)):
        yield '<ul class="services">'
        for name, rows in groupby(services, key=itemgetter(0)):
            shown = (f'{escape(what)} <span class="muted">{plural(n, "test")}</span>' for _, what, n in rows)
            yield f"<li><b>{escape(name)}</b> {'<br>'.join(shown)}"
            for attempt in unavailable_attempts(record.services[name]) if record.services[name]["provider"] else ():
                yield f'<br><span class="muted">not on {escape(attempt["provider"])}: {escape(attempt["code"])}</span>'
            yield "</li>"
        yield "</ul>"
    kind = "strict" if report.strict else "lenient"
    yield f'<p class="muted">Gate ({kind}): {escape(report.why or "nothing to say")}</p>'
    if record.shards:
        yield from _shards(report)
    yield "</section>"


def _bar(counts: dict[str, int]) -> Iterator[str]:
    """Draw the counts; the words below it say the same."""
    yield '<div class="counts" aria-hidden="true">'
    yield from (f'<i class="{key}" style="flex:{many}"></i>' for key, many in counts.items() if many)
    yield "</div>"


def _shards(report: Report) -> Iterator[str]:
    shards = report.record.shards
    yield f"<details><summary>{plural(len(shards), 'shard')}</summary>"
    expected = [key for key in EXPECTED if any(key in shard["counts"] for shard in shards)]
    head = ("Shard", "Outcome", "Passed", "Failed", "Skipped", *map(str.capitalize, expected), "Time", "Ran on")
    rows = []
    for shard in shards:
        counts = shard["counts"]
        broken = counts["failed"] + counts["errors"]
        services = ", ".join(f"{name} on {provider}" for name, provider in shard["services"].items() if provider)
        cells = (
            f"{shard['index']}",
            shard["outcome"],
            f"{counts['passed']:,}",
            f"{broken:,}",
            f"{counts['skipped']:,}",
            *(f"{counts.get(key, 0):,}" for key in expected),
        )
        rows.append((*cells, duration(shard["seconds"]), escape(services or "-")))
    yield from table(f"Shards of {report.name}", head, rows, left=("Outcome", "Ran on"))
    yield "</details>"


def _all_tests(reports: Sequence[Report]) -> Iterator[str]:
    yield '<section aria-labelledby="tests"><h2 id="tests" tabindex="-1">All tests</h2>'
    yield '<form role="search"><label>Name <input type="search" id="words" autocomplete="off"></label>'
    yield '<label>Outcome <select id="outcome"><option value="">any</option></select></label></form>'
    yield '<p class="muted" id="found" role="status">The list needs JavaScript; reports/TIER.json has all of it.</p>'
    yield '<div class="scroll" tabindex="0" role="region" aria-label="All tests" hidden><table><thead><tr>'
    yield '<th scope="col">Outcome</th><th scope="col" class="left">Test</th><th scope="col">Time</th>'
    yield '<th scope="col" class="left">Ran on</th></tr></thead><tbody id="list"></tbody></table></div></section>'
    yield block(reports)
