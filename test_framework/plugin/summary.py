"""Writes what a person reads at the end of a run, so that it fits a screen."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from test_framework.gate import Verdict
    from test_framework.plugin.outputs import WrittenReports
    from test_framework.report.record import Record

_LEAST_ROWS, _MOST_ROWS = 24, 40
"""Of a screen; a log, which nobody watches, is taken to have the most."""

_AROUND = 3
"""Our heading, pytest's last line, and the prompt."""


def write(
    terminal: pytest.TerminalReporter, record: Record, verdict: Verdict, written: WrittenReports, shard: str = ""
) -> None:
    """Write the summary; nothing at all for a whole run that used no service and skipped nothing."""
    if not (record.services or record.skips or verdict.red or record.tier or shard):
        return
    from test_framework.report.screen import fitted
    from test_framework.report.stored import Report
    from test_framework.report.terminal import blocks, colour

    report = Report.of(record, verdict.to_json())
    terminal.section(f"tier {record.tier}" if record.tier else "services", "=", **{colour(report): True})
    columns = terminal.config.get_terminal_writer().fullwidth
    rows = shutil.get_terminal_size().lines if terminal.isatty else _MOST_ROWS
    shown = blocks(report, written.files, written.problems, shard)
    for line, markup in fitted(shown, columns, min(max(rows, _LEAST_ROWS), _MOST_ROWS) - _AROUND):
        terminal.write_line(line, **markup)
