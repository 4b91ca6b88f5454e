"""The rules of import that a project sets itself: moved and forbidden names, and absolute imports only."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import TYPE_CHECKING

from test_framework.audit.moves import Moves, named
from test_framework.audit.rules.suppression import suppressions
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.parsing import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import AuditSettings

__all__ = ["Breach", "ImportRules"]

Breach = tuple[int, str, str]
"""Line, id of the rule, and what is wrong."""

_RELATIVE = re.compile(r"\bfrom(?:[ \t\f]|\\\n)*\.")
_SPECIAL = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The rules, as plain data that other processes are given."""

    moves: Moves = field(default_factory=lambda: Moves({}))
    forbidden: tuple[str, ...] = ()
    absolute: bool = False

    @classmethod
    def of(cls, settings: AuditSettings) -> ImportRules:
        """Return the rules of some settings.

        Raises:
            BadSetting: A move is not of names, or goes in a circle.
        """
        moves = Moves.of(settings.moved, "[tool.test_framework.audit]")
        return cls(moves, settings.forbidden, settings.absolute_imports)

    def __bool__(self) -> bool:
        return bool(self.moves.pairs or self.forbidden or self.absolute)

    def breaches(self, text: str, package: str) -> list[Breach]:
        """Return what a file does against the rules, once for each statement and each thing that it should not name.

        Args:
            text: The file.
            package: The package that it is in, from which relative imports start.

        Returns:
            What no comment accepts, on the line where the statement begins or on that of the name.
        """
        text = unix_lines(text)
        if not self._may_break(text):
            return []
        tree = parsed(text)
        if tree is None:
            return []
        accepted = suppressions(text)
        found: set[Breach] = set()
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for line, rule, message in self._judged(node, package):
                if accepted.covers(rule, node.lineno, line):
                    continue
                bare = not {node.lineno, line}.isdisjoint(accepted.unreasoned)
                why = f"{message}; the comment says no reason: it accepts nothing" if bare else message
                found.add((node.lineno, rule, why))
        return sorted(found)

    def _may_break(self, text: str) -> bool:
        if self.absolute and _RELATIVE.search(text):
            return True
        # An import has each part of a dotted name in the text, whichever way it is written.
        names = [*self.moves.pairs, *(_SPECIAL.split(pattern)[0].rstrip(".") for pattern in self.forbidden)]
        return any(name.rpartition(".")[2] in text for name in names)

    def _judged(self, node: ast.Import | ast.ImportFrom, package: str) -> Iterator[Breach]:
        """Yield what an import does against the rules, with the line of the name."""
        if self.absolute and isinstance(node, ast.ImportFrom) and node.level:
            written = "." * node.level + (node.module or "")
            yield node.lineno, "relative-import-style", f"{written} is a relative import"
        for line, name in named(node, package):
            if moved := self.moves.match(name):
                yield line, "moved-name", f"{moved[0]} has moved to {moved[1]}"
            if forbidden := self._forbidden(name):
                yield line, "forbidden-import", forbidden

    def _forbidden(self, name: str) -> str:
        """Return what is wrong with a name: the outermost package, module or name of it that a pattern matches."""
        for whole in accumulate(name.split("."), "{}.{}".format):
            for pattern in self.forbidden:
                if fnmatchcase(whole, pattern):
                    by = "" if whole == pattern else f" ({pattern})"
                    return f"{whole} must not be imported{by}"
        return ""
