"""Workflow commands of GitHub Actions, by which its runner marks lines of the source."""

from __future__ import annotations

SHOWN = 10
"""Commands of each kind that GitHub shows of one step; it drops the others."""


def workflow_command(kind: str, message: str, **properties: str) -> str:
    """Return a line: `kind` is error, warning or notice; the properties may be file, line and title."""
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {told}::{_data(message)}"


# As `escapeData` and `escapeProperty` of actions/toolkit, packages/core/src/command.ts, whose reverse the runner does.
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
