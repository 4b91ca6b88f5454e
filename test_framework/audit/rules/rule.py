"""One rule for a test file: what it means, why it matters, and the code on either side of it."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

_ACCEPT = (
    "Where it is meant: `# audit: ok[{id}] why` on the line or on that of the `def`; "
    "`# audit: file-ok[{id}] why` in a line of its own for the file."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as `--explain` prints it; the examples are whole test files."""

    id: str
    title: str
    explanation: str
    example_bad: str
    example_good: str


def make_explanation(name: str, title: str, explanation: str, bad: str, good: str) -> Rule:
    """Return a rule, or whatever else is explained like one."""
    return Rule(name, title, explanation, dedent(bad).strip() + "\n", dedent(good).strip() + "\n")


def rule(name: str, title: str, explanation: str, bad: str, good: str) -> Rule:
    """Return a rule that also says how a finding of it is accepted."""
    return make_explanation(name, title, f"{explanation} {_ACCEPT.format(id=name)}", bad, good)
