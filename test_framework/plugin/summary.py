"""What a person reads at the end of a run: the verdict, what ran on what, why not more, and what to do."""

from __future__ import annotations

from collections import Counter
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from test_framework.reasons import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from test_framework.gate import Verdict
    from test_framework.report.record import Record
    from test_framework.verdict import Skip

__all__ = ["write"]

_KEPT_SHOWN = 5
_WIDTH = 200


def write(terminal: pytest.TerminalReporter, record: Record, verdict: Verdict, report: str | None) -> None:
    """Write the summary; nothing at all for a run that used no service and skipped nothing."""
    if not (record.services or record.skips or verdict.red or record.tier):
        return
    terminal.section(f"tier {record.tier}" if record.tier else "services")
    for name, told in sorted(record.services.items()):
        for line in _service(name, told, record):
            terminal.write_line(line)
    for (code, message, remedy), number in _grouped(record.skips.values()):
        terminal.write_line(f"skipped {number}: {code}: {shorten(message, _WIDTH, placeholder=' …')}", yellow=True)
        terminal.write_line(f"  {remedy}")
    kept = [(t.nodeid, k) for t in record.tests.values() for k in t.kept]
    for nodeid, url in kept[:_KEPT_SHOWN]:
        terminal.write_line(f"kept for you to look at: {url}  ({nodeid})")
    if len(kept) > _KEPT_SHOWN:
        terminal.write_line(f"  and {len(kept) - _KEPT_SHOWN} more, in the report")
    for what, nodeids in _left(record).items():
        more = f" and {len(nodeids) - 1} more" if len(nodeids) > 1 else ""
        terminal.write_line(f"left behind: {what}  (while {nodeids[0]}{more} ran)", yellow=True)
    if report:
        terminal.write_line(f"report: {report}")
    terminal.write_line(_gate(verdict), red=verdict.red, yellow=bool(verdict.why) and not verdict.red)


def _service(name: str, told: dict[str, Any], record: Record) -> Iterator[str]:
    """Yield what the service ran on, then why it did not run on what comes earlier in the order."""
    used = sum(name in test.services for test in record.tests.values())
    if not told["provider"]:
        # The skips below say why.
        yield f"{name}: not to be had"
        return
    note = f" ({told['note']})" if told.get("note") else ""
    yield f"{name} {told['version']}{note} on {told['provider']}: {used} test{'s' if used != 1 else ''}"
    for attempt in told["attempts"]:
        if attempt["code"] not in (None, Code.NOT_CONFIGURED):
            # The report has all of it, such as the other sockets that were tried.
            message = shorten(attempt["message"], _WIDTH, placeholder=" …")
            yield f"  {attempt['provider']}: {attempt['code']}: {message}"


def _left(record: Record) -> dict[str, list[str]]:
    """Return the tests during which something was changed that several have, by what it was."""
    found: dict[str, list[str]] = {}
    for test in record.tests.values():
        for what in test.left:
            found.setdefault(what, []).append(test.nodeid)
    return found


def _grouped(skips: Any) -> list[tuple[tuple[str, str, str], int]]:
    def key(skip: Skip) -> tuple[str, str, str]:
        return skip.code, skip.message, skip.remedy

    return Counter(map(key, skips)).most_common()


def _gate(verdict: Verdict) -> str:
    kind = "strict" if verdict.strict else "lenient"
    if not verdict.why:
        return f"gate ({kind}): green"
    return f"gate ({kind}): {'RED' if verdict.red else 'green, but'}: {'; '.join(verdict.why)}"
