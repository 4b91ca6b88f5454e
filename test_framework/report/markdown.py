"""A run as Markdown, which GitHub shows as the summary of a step: the same that the page says, in short."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.report.wording import (
    duration,
    failures_by_message,
    headline,
    outcome_line,
    plural,
    remedies,
    services_used,
    skip_groups,
    slowest,
    unavailable_attempts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.report.stored import Report

_GROUPS = 30
_ALIKE = 3
_SLOWEST = 10
_WIDTH = 500


def append(path: str, reports: Sequence[Report]) -> None:
    """Add the summary to a file that other steps write to as well.

    Raises:
        OSError: It cannot be written.
    """
    # What a test says need not be text.
    with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write("\n".join(summary(reports)) + "\n")


def summary(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lines: verdict, what ran on what, providers not used, remedies, failures, skips, slow tests."""
    mark = "❌ Red" if any(r.red for r in reports) else "✅ Green"
    yield f"## {mark}: {_text(headline(reports))}\n"
    yield "| tier | verdict | tests | time | ran on |"
    yield "|---|---|---|---|---|"
    for report in reports:
        services = "<br>".join(
            _text(f"{name} {what}: {plural(n, 'test')}") for name, what, n in services_used(report.record)
        )
        took = duration(report.record.seconds) if report.record.started is not None else ""
        cells = (_text(report.name), "red" if report.red else "green", outcome_line(report), took, services)
        yield f"| {' | '.join(cells)} |"
    yield ""
    for report in reports:
        if report.why:
            yield f"Gate of {_text(report.name)} ({'strict' if report.strict else 'lenient'}): {_text(report.why)}\n"
        for name, told in sorted(report.record.services.items()):
            for attempt in unavailable_attempts(told):
                why = f"{attempt['provider']}: {attempt['code']}: {attempt['message']}"
                yield f"- {_text(name)} not on {_text(why)}"
    yield from _remedies(reports)
    yield from _failures(reports)
    yield from _skips(reports)
    yield from _slow(reports)


def _remedies(reports: Sequence[Report]) -> Iterator[str]:
    if found := remedies(reports):
        yield "\n### What to do\n"
        yield from (f"- {_text(remedy)} ({_text(why)})" for remedy, why in found[:_GROUPS])


def _failures(reports: Sequence[Report]) -> Iterator[str]:
    groups = [group for r in reports for group in failures_by_message(r.record)]
    if not groups:
        return
    yield f"\n### {plural(sum(len(tests) for _, tests in groups), 'failure')}\n"
    for message, tests in groups[:_GROUPS]:
        many = f"{len(tests)} tests: " if len(tests) > 1 else ""
        yield f"- {many}{_text(message)}"
        for test in tests[:_ALIKE]:
            yield f"  - {_code(test.nodeid)}{''.join(f'<br>kept: {_text(url)}' for url in test.kept)}"
        if len(tests) > _ALIKE:
            yield f"  - and {len(tests) - _ALIKE} more"
    if len(groups) > _GROUPS:
        yield f"- and {sum(len(tests) for _, tests in groups[_GROUPS:])} more, for other reasons"


def _skips(reports: Sequence[Report]) -> Iterator[str]:
    groups = [g for r in reports for g in skip_groups(r.record.skips.values())]
    if not groups:
        return
    yield f"\n### {sum(len(g.nodeids) for g in groups)} skipped\n"
    for group in groups[:_GROUPS]:
        yield f"- {len(group.nodeids)}: {_code(group.code)}: {_text(group.message)}. {_text(group.remedy)}"
    if len(groups) > _GROUPS:
        yield f"- and {plural(len(groups) - _GROUPS, 'reason')} more"


def _slow(reports: Sequence[Report]) -> Iterator[str]:
    found = slowest(reports, _SLOWEST)
    if not found:
        return
    yield "\n<details><summary>Slowest tests</summary>\n"
    yield "| time | test |"
    yield "|---|---|"
    yield from (f"| {duration(test.seconds)} | {_code(test.nodeid)} |" for _, test in found)
    yield "\n</details>"


def _text(text: str) -> str:
    """Return a text as it is: nothing in it is Markdown, HTML or the end of a line or of a cell."""
    line = " ".join(text.split())
    shown = line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", escape(shown, quote=False)).replace("@", "&#64;")


def _code(text: str) -> str:
    """Return a text as code; in a cell of a table, too."""
    return f"<code>{_text(text)}</code>"
