"""An audit as annotations of GitHub Actions: commands that its runner reads from the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.output.reported import reported_findings
from test_framework.workflow_commands import SHOWN, workflow_command

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from test_framework.audit.model import Audit


def to_github_annotations(audit: Audit, red: Container[str], prefix: str = "") -> Iterator[str]:
    """Yield the lines: errors for what makes the audit fail, warnings for what the thresholds allow.

    Args:
        audit: What was found.
        red: The settings whose thresholds are exceeded.
        prefix: The way from the root of the repository to the audited folder, with a slash at its end.
    """
    shown = {"error": 0, "warning": 0}
    more = 0
    for place in reported_findings(audit):
        kind = "error" if place.limit in red else "warning"
        if shown[kind] == SHOWN:
            more += 1
            continue
        shown[kind] += 1
        path = place.path if place.path.startswith("/") else prefix + place.path
        given = {"file": path, "line": str(max(place.line, 1)), "title": f"{place.rule}: {place.title}"}
        yield workflow_command(kind, place.message or place.title, **given)
    if more:
        yield workflow_command("notice", f"and {more} more; --json and --sarif write all of them", title="audit")
