"""What a person reads at the end of a run: the verdict, what ran on what, why not more, and what to do."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from test_framework.gate import Verdict
    from test_framework.report.record import Record

__all__ = ["write"]

_KEPT_SHOWN = 5
_WIDTH = 200


def write(
    terminal: pytest.TerminalReporter, record: Record, verdict: Verdict, reports: list[str], shard: str = ""
) -> None:
    """Write the summary; nothing at all for a whole run that used no service and skipped nothing."""
    if not (record.services or record.skips or verdict.red or record.tier or shard):
        return
    from test_framework.report.told import grouped, left

    terminal.section(f"tier {record.tier}" if record.tier else "services")
    if shard:
        terminal.write_line(shard)
    for name, told in sorted(record.services.items()):
        for line in _service(name, told, record):
            terminal.write_line(line)
    for group in grouped(record.skips.values()):
        message = shorten(group.message, _WIDTH, placeholder=" …")
        terminal.write_line(f"skipped {len(group.nodeids)}: {group.code}: {message}", yellow=True)
        terminal.write_line(f"  {group.remedy}")
    kept = [(t.nodeid, k) for t in record.tests.values() for k in t.kept]
    for nodeid, url in kept[:_KEPT_SHOWN]:
        terminal.write_line(f"kept for you to look at: {url}  ({nodeid})")
    if len(kept) > _KEPT_SHOWN:
        terminal.write_line(f"  and {len(kept) - _KEPT_SHOWN} more, in the report")
    for what, nodeids in left(record).items():
        more = f" and {len(nodeids) - 1} more" if len(nodeids) > 1 else ""
        terminal.write_line(f"left behind: {what}  (while {nodeids[0]}{more} ran)", yellow=True)
    for report in reports:
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
    version = f" {told['version']}" if told["version"] else ""
    yield f"{name}{version}{note} on {told['provider']}: {used} test{'s' if used != 1 else ''}"
    from test_framework.report.told import why_not

    for attempt in why_not(told):
        # The report has all of it, such as the other sockets that were tried.
        message = shorten(attempt["message"], _WIDTH, placeholder=" …")
        yield f"  {attempt['provider']}: {attempt['code']}: {message}"


def _gate(verdict: Verdict) -> str:
    kind = "strict" if verdict.strict else "lenient"
    if not verdict.why:
        return f"gate ({kind}): green"
    return f"gate ({kind}): {'RED' if verdict.red else 'green, but'}: {'; '.join(verdict.why)}"
