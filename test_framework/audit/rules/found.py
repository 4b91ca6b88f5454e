"""What a rule finds, before somebody's "yes, I mean it" is looked for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Found"]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the other line on which it can be accepted, that of the test's `def`."""

    line: int
    rule: str
    test: str
    message: str
    anchor: int = 0
