"""What GitHub shows of a run: errors at lines of the source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.report.wording import failed_tests
from test_framework.workflow_commands import SHOWN, workflow_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.report.stored import Report


def errors(report: Report, root: Path, workspace: str) -> Iterator[str]:
    """Yield an error for a gate that is red, and one for each of the first failures.

    Args:
        report: The run.
        root: The folder that its paths are relative to.
        workspace: The folder of the repository, which GitHub takes them to be relative to.
    """
    told = bool(report.red_gate and report.why)
    if told:
        yield workflow_command("error", report.why or "", title=f"tier {report.name}")
    for test in failed_tests(report.record)[: SHOWN - told]:
        if test.failure:
            file = Path(os.path.relpath(root / test.failure.file, workspace)).as_posix()
            at = {"file": file, "line": str(max(test.failure.line, 1)), "title": test.nodeid}
            yield workflow_command("error", test.failure.message, **at)
