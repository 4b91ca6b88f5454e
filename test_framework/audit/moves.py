"""Names that have moved, and where they are now."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Moves:
    """Old names and new ones, of modules, of packages with all that is in them, and of single names."""

    pairs: Mapping[str, str]

    @classmethod
    def of(cls, moved: Mapping[str, str], source: str) -> Moves:
        """Return moves of which each leads to its end, so that nothing is left to do after one run.

        Args:
            moved: Old dotted name to the new one.
            source: Where they were set, for the error.

        Raises:
            BadSetting: A name is not dotted identifiers, or a name moves in a circle.
        """
        for old, new in moved.items():
            for name in (old, new):
                if not all(part.isidentifier() for part in name.split(".")):
                    raise BadSetting.value(f"{old} =", new, source, "a dotted name for another one")
        single = cls({old: new for old, new in moved.items() if old != new})
        return cls({old: single._end(old, source) for old in single.pairs})

    def _end(self, old: str, source: str) -> str:
        name = old
        seen: set[str] = set()
        while (found := self.match(name)) is not None:
            if found[0] in seen:
                raise BadSetting(f"{old} in {source} moves in a circle: back to {name}.")
            seen.add(found[0])
            name = found[1] + name[len(found[0]) :]
        return name

    def match(self, name: str) -> tuple[str, str] | None:
        """Return the move of a name or of what it is in, the innermost one; None when it has not moved.

        What is inside of its own new place has arrived: with `"a" = "a.core"`, `a.core.x` stays.
        """
        head = name
        while head:
            new = self.pairs.get(head)
            if new is not None:
                arrived = new.startswith(f"{head}.") and (name == new or name.startswith(f"{new}."))
                return None if arrived else (head, new)
            head = head.rpartition(".")[0]
        return None

    def target(self, name: str) -> str | None:
        """Return where a name leads now; None when it has not moved."""
        found = self.match(name)
        return found[1] + name[len(found[0]) :] if found else None

    def inside(self, name: str) -> bool:
        """Whether something in this module or package has moved away from it."""
        return any(old.startswith(f"{name}.") for old in self.pairs)

    def likely(self, data: bytes) -> bool:
        """Whether the bytes of a file may name what has moved: the last part of a name, or a star, is in them."""
        # What is not ASCII is written in ways that depend on the encoding.
        lasts = (old.rpartition(".")[2] for old in self.pairs)
        return b"import *" in data or any(not last.isascii() or last.encode() in data for last in lasts)

    def concern(self, text: str, package: str) -> bool:
        """Whether a file that Python can parse names what has moved: in an import, or as a whole anywhere."""
        if any(old in text for old in self.pairs):
            return True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom))
        return any(self.match(name) or self.inside(name) for node in nodes for name in imported(node, package))


def imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield the dotted names that an import names, and those of packages that it binds.

    Args:
        node: The import.
        package: The package of its file, from which relative imports start.
    """
    yield from (name for _, name in named(node, package))
    if isinstance(node, ast.Import):
        # A plain import binds the name of the outermost package, by which all of it is reached.
        yield from (alias.name.partition(".")[0] for alias in node.names if not alias.asname)


def named(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[int, str]]:
    """Yield the dotted names that stand in an import, each with its line; of a star, the module."""
    if isinstance(node, ast.Import):
        yield from ((alias.lineno, alias.name) for alias in node.names)
    elif base := absolute(node.module or "", node.level, package):
        yield from ((alias.lineno, base if alias.name == "*" else f"{base}.{alias.name}") for alias in node.names)


def absolute(module: str, level: int, package: str) -> str:
    """Return the module that a relative import names; an empty text when that is beyond the package."""
    if not level:
        return module
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])
