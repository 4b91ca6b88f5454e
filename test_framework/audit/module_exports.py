"""Reads which names a module defines, imports and exports."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.audit.moves import absolute
from test_framework.audit.source.summarizing import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class ModuleExports:
    """The names that a module defines, those that it imports (by module and name there), and its `__all__`."""

    defined: set[str] = field(default_factory=set)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    exported: set[str] | None = None
    reexported: set[str] = field(default_factory=set)

    def public(self) -> set[str]:
        """Return the public names."""
        if self.exported is not None:
            return self.exported & (self.defined | self.imported.keys())
        return {name for name in self.defined if not name.startswith("_")} | self.reexported


def read_exports(path: str, package: str) -> ModuleExports | None:
    """Return the exports of a module; None when it cannot be parsed."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return None
    _, _, tree = summarize(data)
    if tree is None:
        return None
    found = ModuleExports()
    for node in _at_top(tree.body):
        _note(node, found, package)
    return found


def _at_top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, those in an `if`, a `try` or a `with` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from _at_top(node.orelse)
                continue
            for part in ("body", "orelse", "finalbody"):
                yield from _at_top(getattr(node, part, ()))
            for handler in getattr(node, "handlers", ()):
                yield from _at_top(handler.body)


def _note(node: ast.stmt, found: ModuleExports, package: str) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found.defined.add(node.name)
    elif isinstance(node, ast.ImportFrom):
        base = absolute(node.module or "", node.level, package)
        for alias in node.names:
            found.imported[alias.asname or alias.name] = base, alias.name
            if alias.asname == alias.name:
                # The way in which typed packages say that they offer what they import.
                found.reexported.add(alias.name)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if "__all__" in names:
            listed = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else ()
            texts = {e.value for e in listed if isinstance(e, ast.Constant) and isinstance(e.value, str)}
            found.exported = texts | (found.exported or set())
        elif not isinstance(node, ast.AnnAssign) or node.value is not None:
            found.defined |= names
