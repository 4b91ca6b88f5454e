"""The rules of import that a project sets itself: moved and forbidden names, and absolute imports only."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import AuditSettings

__all__ = ["Breach", "ImportRules"]

Breach = tuple[int, str, str]
"""Line, id of the rule, and what is wrong."""

_RELATIVE = re.compile(r"^[ \t]*from[ \t]+\.", re.M)


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The rules, as plain data that other processes are given."""

    moved: tuple[tuple[str, str], ...] = ()
    forbidden: tuple[str, ...] = ()
    absolute: bool = False

    @classmethod
    def of(cls, settings: AuditSettings) -> ImportRules:
        """Return the rules of some settings."""
        return cls(tuple(sorted(settings.moved.items())), settings.forbidden, settings.absolute_imports)

    def __bool__(self) -> bool:
        return bool(self.moved or self.forbidden or self.absolute)

    def breaches(self, text: str, package: str) -> list[Breach]:
        """Return what a file does against the rules.

        Args:
            text: The file.
            package: The package that it is in, from which relative imports start.
        """
        if not self._may_break(text):
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                tree = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return []
        found: list[Breach] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level and self.absolute:
                written = "." * node.level + (node.module or "")
                found.append((node.lineno, "relative-import-style", f"{written} is a relative import"))
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += self._judged(node, package)
        return sorted(set(found))

    def _may_break(self, text: str) -> bool:
        if self.absolute and _RELATIVE.search(text):
            return True
        # An import has each part of a dotted name in the text, whichever way it is written.
        names = [old for old, _ in self.moved] + [f.partition("*")[0].rstrip(".") for f in self.forbidden]
        return any(name.rpartition(".")[2] in text for name in names)

    def _judged(self, node: ast.Import | ast.ImportFrom, package: str) -> Iterator[Breach]:
        for name in _imported(node, package):
            for old, new in self.moved:
                if name == old or name.startswith(f"{old}."):
                    yield node.lineno, "moved-name", f"{old} has moved to {new}"
            for pattern in self.forbidden:
                if fnmatchcase(name, pattern) or name.startswith(f"{pattern}."):
                    yield node.lineno, "forbidden-import", f"{name} must not be imported ({pattern})"


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield the dotted names that an import names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        outer = ".".join(parts[: max(0, len(parts) - node.level + 1)])
        base = f"{outer}.{base}".strip(".")
    yield from (f"{base}.{alias.name}" for alias in node.names)
