"""What a rule finds in one file, before suppressions apply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A finding, with the line of the test's `def` as a second place for a suppression.

    With an `ask` it is one only when other files of the project say so; see `PendingFinding`.
    """

    line: int
    rule: str
    test: str
    message: str
    anchor: int = 0
    ask: int | None = None
    what: str = ""
