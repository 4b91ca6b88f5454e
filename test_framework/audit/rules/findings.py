"""What a rule finds, before somebody's "yes, I mean it" is looked for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RuleFinding"]


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A finding with the other line on which it can be accepted, that of the test's `def`.

    With an `ask` it is one only when other files of the project say so; see `PendingFinding`.
    """

    line: int
    rule: str
    test: str
    message: str
    anchor: int = 0
    ask: int | None = None
    what: str = ""
