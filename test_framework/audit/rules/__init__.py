"""The rules for one test file: what pytest will not run in it, and what in it cannot fail."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.rules.cannot_fail import cannot_fail
from test_framework.audit.rules.catalogue import RULES
from test_framework.audit.rules.cross_file import CrossFileRules
from test_framework.audit.rules.fact_store import FactStore
from test_framework.audit.rules.facts import Facts, packed_facts
from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.module_paths import ModulePaths
from test_framework.audit.rules.never_run import never_run
from test_framework.audit.rules.patterns import Patterns
from test_framework.audit.rules.pending import PendingCheck, PendingFinding
from test_framework.audit.rules.rule import Rule
from test_framework.audit.rules.skips import skips
from test_framework.audit.rules.source_file import SourceFile
from test_framework.audit.rules.suppression import Suppressions, suppressions
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RULES",
    "CrossFileRules",
    "FactStore",
    "FileFindings",
    "ModulePaths",
    "Patterns",
    "PendingFinding",
    "Rule",
    "Suppressions",
    "examine",
    "suppressions",
]


class FileFindings(NamedTuple):
    """What is wrong in one test file, and what may be; fields that can be marshalled."""

    findings: tuple[tuple[int, str, str, str], ...] = ()  # line, rule, test and message
    doubts: tuple[PendingFinding, ...] = ()
    facts: bytes = b""  # what the doubts are about, packed


def examine(path: str, text: str, tree: ast.Module | None, *, patterns: Patterns) -> FileFindings:
    """Return what is wrong in one test file, by line, and what other files decide.

    Args:
        path: Where it is, from the audited root.
        text: The source.
        tree: The tree of its skeleton, or of the whole; None to have it made here.
        patterns: Which names are tests.

    Returns:
        The findings that no comment accepts; none for a file that does not parse, which is another's to say.
    """
    text = unix_lines(text)
    accepted = suppressions(text)
    with warnings.catch_warnings():
        # What the parser says of an escape in the audited code is not ours to pass on.
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(skeleton(text)) if tree is None else tree
        except (SyntaxError, ValueError):
            return FileFindings()
        source = SourceFile(text, tree, patterns)
        found = [*never_run(source), *cannot_fail(source), *skips(source)]
        found = [f for f in found if not accepted.covers(f.rule, f.line, f.anchor)]
        doubts = dict.fromkeys(
            PendingFinding(f.line, f.rule, f.test, f.message, f.ask, f.what) for f in found if f.ask is not None
        )
        facts = _facts(path, source, doubts)
    found += [
        RuleFinding(line, "suppression-without-reason", "", "says no reason: it accepts nothing")
        for line in accepted.unreasoned
    ]
    findings = dict.fromkeys((f.line, f.rule, f.test, f.message) for f in found if f.ask is None)
    return FileFindings(tuple(sorted(findings, key=lambda f: f[:2])), tuple(doubts), facts)


def _facts(path: str, source: SourceFile, doubts: Iterable[PendingFinding]) -> bytes:
    """Return what has to be known of this file where somebody decides its doubts."""
    asked = [doubt for doubt in doubts if doubt.ask != PendingCheck.RAISES]
    if not asked:
        return b""
    facts = Facts(source, path, is_test_support=True)
    return packed_facts(facts.table, facts.reached([doubt.what for doubt in asked if doubt.ask == PendingCheck.CHECKS]))
