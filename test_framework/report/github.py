"""Commands that GitHub's runner reads from the output, by which it marks lines of the source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.report.wording import failed_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.report.stored import Report

__all__ = ["SHOWN", "command", "errors"]

SHOWN = 10
"""Commands of each kind that GitHub shows of one step; it drops the others."""


def errors(report: Report, root: Path, workspace: str) -> Iterator[str]:
    """Yield an error for a gate that is red, and one for each of the first failures.

    Args:
        report: The run.
        root: The folder that its paths are relative to.
        workspace: The folder of the repository, which GitHub takes them to be relative to.
    """
    told = bool(report.red_gate and report.why)
    if told:
        yield command("error", report.why or "", title=f"tier {report.name}")
    for test in failed_tests(report.record)[: SHOWN - told]:
        if test.failure:
            file = Path(os.path.relpath(root / test.failure.file, workspace)).as_posix()
            at = {"file": file, "line": str(max(test.failure.line, 1)), "title": test.nodeid}
            yield command("error", test.failure.message, **at)


def command(kind: str, message: str, **properties: str) -> str:
    """Return a line: `kind` is error, warning or notice; the properties may be file, line and title."""
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {told}::{_data(message)}"


# As `escapeData` and `escapeProperty` of actions/toolkit, packages/core/src/command.ts, whose reverse the runner does.
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
