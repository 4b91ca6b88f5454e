"""An audit as annotations of GitHub Actions: commands that its runner reads from the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.output.places import places

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from test_framework.audit.model import Audit

__all__ = ["to_annotations"]

_SHOWN = 10  # of each kind: GitHub drops more from one step


def to_annotations(audit: Audit, red: Container[str], prefix: str = "") -> Iterator[str]:
    """Yield the lines: errors for what makes the audit fail, warnings for what the thresholds allow.

    Args:
        audit: What was found.
        red: The settings whose thresholds are exceeded.
        prefix: The way from the root of the repository to the audited folder, with a slash at its end.
    """
    shown = {"error": 0, "warning": 0}
    more = 0
    for place in places(audit):
        kind = "error" if place.limit in red else "warning"
        if shown[kind] == _SHOWN:
            more += 1
            continue
        shown[kind] += 1
        path = place.path if place.path.startswith("/") else prefix + place.path
        given = {"file": path, "line": str(max(place.line, 1)), "title": f"{place.rule}: {place.title}"}
        told = ",".join(f"{name}={_property(value)}" for name, value in given.items())
        yield f"::{kind} {told}::{_data(place.message or place.title)}"
    if more:
        yield f"::notice title=audit::{_data(f'and {more} more; --json and --sarif write all of them')}"


# As `escapeData` and `escapeProperty` of actions/toolkit, packages/core/src/command.ts, whose reverse the runner does.
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
