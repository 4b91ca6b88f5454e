"""The rules for one test file: what pytest will not run in it, and what in it cannot fail."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from test_framework.audit.model import Finding
from test_framework.audit.rules.cannot_fail import cannot_fail
from test_framework.audit.rules.catalogue import RULES
from test_framework.audit.rules.found import Found
from test_framework.audit.rules.never_run import never_run
from test_framework.audit.rules.patterns import Patterns
from test_framework.audit.rules.rule import Rule
from test_framework.audit.rules.skips import skips
from test_framework.audit.rules.source import Source
from test_framework.audit.rules.suppression import Suppressions, suppressions
from test_framework.audit.source.skeleton import skeleton, unix_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES", "Patterns", "Rule", "Suppressions", "examine", "suppressions"]


def examine(
    path: str,
    text: str,
    tree: ast.Module | None,
    *,
    patterns: Patterns,
    known: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """Return what is wrong in one test file, by line.

    Args:
        path: What the findings say of where they are.
        text: The source.
        tree: The tree of its skeleton, or of the whole; None to have it made here.
        patterns: Which names are tests.
        known: Of names that the file imports (`name`, or `module.name` as it is written), whether they can fail.

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
            return []
        source = Source(text, tree, patterns)
        found = [*never_run(source), *cannot_fail(source, known or {}), *skips(source)]
    found = [f for f in found if not accepted.covers(f.rule, f.line, f.anchor)]
    found += [
        Found(line, "suppression-without-reason", "", "says no reason: it accepts nothing")
        for line in accepted.unreasoned
    ]
    told = {Finding(path, f.line, f.rule, f.test, f.message): None for f in found}
    return sorted(told, key=lambda f: (f.line, f.rule))
