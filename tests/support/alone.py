"""The rules on one test file that has no other beside it."""

from __future__ import annotations

from test_framework.audit.rules import CrossFileRules, FactStore, ModulePaths, Patterns, examine
from test_framework.suite.module_finder import ModuleFinder

__all__ = ["judged"]


def judged(text: str, patterns: Patterns | None = None) -> list[tuple[int, str, str, str]]:
    """Return line, rule, test and message of what is wrong in a test file of this text."""
    patterns = patterns or Patterns()
    examined = examine("test_it.py", text, None, patterns=patterns)
    path = "/nowhere/test_it.py"
    files = FactStore("/nowhere", {path: examined.facts}.__getitem__, {path: text}.get, lambda _: True, patterns)
    across = CrossFileRules(files, ModulePaths("/nowhere", (), {}, ModuleFinder()))
    return sorted([*examined.findings, *across.confirmed(path, examined.doubts)], key=lambda found: found[:2])
