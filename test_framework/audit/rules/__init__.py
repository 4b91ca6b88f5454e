"""The rules for one test file: what pytest will not run in it, and what in it cannot fail."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.rules.across import Across
from test_framework.audit.rules.cannot_fail import cannot_fail
from test_framework.audit.rules.catalogue import RULES
from test_framework.audit.rules.doubts import Ask, Doubt
from test_framework.audit.rules.facts import Facts, packed_facts
from test_framework.audit.rules.files import Files
from test_framework.audit.rules.found import Found
from test_framework.audit.rules.never_run import never_run
from test_framework.audit.rules.patterns import Patterns
from test_framework.audit.rules.places import Places
from test_framework.audit.rules.rule import Rule
from test_framework.audit.rules.skips import skips
from test_framework.audit.rules.source import Source
from test_framework.audit.rules.suppression import Suppressions, suppressions
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RULES",
    "Across",
    "Doubt",
    "Examined",
    "Files",
    "Patterns",
    "Places",
    "Rule",
    "Suppressions",
    "examine",
    "suppressions",
]


class Examined(NamedTuple):
    """What is wrong in one test file, and what may be; fields that can be marshalled."""

    findings: tuple[tuple[int, str, str, str], ...] = ()  # line, rule, test and message
    doubts: tuple[Doubt, ...] = ()
    facts: bytes = b""  # what the doubts are about, packed


def examine(path: str, text: str, tree: ast.Module | None, *, patterns: Patterns) -> Examined:
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
            return Examined()
        source = Source(text, tree, patterns)
        found = [*never_run(source), *cannot_fail(source), *skips(source)]
        found = [f for f in found if not accepted.covers(f.rule, f.line, f.anchor)]
        doubts = dict.fromkeys(
            Doubt(f.line, f.rule, f.test, f.message, f.ask, f.what) for f in found if f.ask is not None
        )
        facts = _facts(path, source, doubts)
    found += [
        Found(line, "suppression-without-reason", "", "says no reason: it accepts nothing")
        for line in accepted.unreasoned
    ]
    told = dict.fromkeys((f.line, f.rule, f.test, f.message) for f in found if f.ask is None)
    return Examined(tuple(sorted(told, key=lambda f: f[:2])), tuple(doubts), facts)


def _facts(path: str, source: Source, doubts: Iterable[Doubt]) -> bytes:
    """Return what has to be known of this file where somebody decides its doubts."""
    asked = [doubt for doubt in doubts if doubt.ask != Ask.RAISES]
    if not asked:
        return b""
    facts = Facts(source, path, helps=True)
    return packed_facts(facts.table, facts.reached([doubt.what for doubt in asked if doubt.ask == Ask.CHECKS]))
