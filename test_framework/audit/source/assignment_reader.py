"""Reads what assignments bind, and what they do to `sys.path` and `sys.modules`."""

from __future__ import annotations

import ast
from typing import Any

from test_framework.audit.source.call_reader import CallReader
from test_framework.audit.source.expression_reader import dotted
from test_framework.audit.source.expressions import encoded, literal_names
from test_framework.audit.source.operations import Op

_READS = (("n", "open"), ("n", "compile"))
_READ_BY = ("read", "read_text", "read_bytes")


class AssignmentReader(CallReader):
    """Adds assignments to the expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.defined: list[str] = []
        self.plain: list[str] = []  # functions and classes of which nothing but their own text says what they do
        self.lazy_annotations = False

    def define(self, name: str) -> None:
        """Bind a name to what this module makes itself."""
        if not self.depth:
            self.defined.append(name)
        self.bind(name)

    def import_name(self, name: str) -> None:
        """Bind a name to what may be a module."""
        if self.depth:
            self.local[-1].add(name)
            return
        if name != "*":
            self.bound.add(name)
            self.modules.add(name)

    def assign(self, node: ast.Assign) -> None:
        """Read `a = b`."""
        self.expression(node.value)
        for target in node.targets:
            self._target(target, node.value)

    def annotated(self, node: ast.AnnAssign) -> None:
        """Read `a: b = c`."""
        if not self.lazy_annotations:
            self.expression(node.annotation)
        if node.value is not None:
            self.expression(node.value)
            self._target(node.target, node.value)

    def augmented(self, node: ast.AugAssign) -> None:
        """Read `a += b`."""
        self.expression(node.value)
        if isinstance(node.target, ast.Name):
            self.use(node.target.id, node.lineno)
            if not self.depth:
                self.out.append((Op.GROW, node.target.id, encoded(node.value)))
        elif dotted(node.target) == "sys.path":
            self.out.append((Op.PATH, False, encoded(node.value)))
        else:
            self.expression(node.target)

    def _target(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Subscript):
            self.expression(target)
            self._stored(target, value)
        elif isinstance(target, ast.Attribute) and dotted(target) == "sys.path":
            self.out.append((Op.PATH, True, encoded(value)))
        elif not isinstance(target, ast.Name) or self.depth:
            self.expression(target)
            if not self.depth:
                self.defined.extend(n.id for n in ast.walk(target) if isinstance(n, ast.Name) and _stores(n))
        else:
            self._set(target.id, value)

    def _set(self, name: str, value: ast.expr) -> None:
        self.defined.append(name)
        if isinstance(value, ast.Call) and dotted(value.func).endswith("importorskip") and self.out:
            code, wanted, *_ = self.out[-1]
            if code == Op.IMPORT_OR_SKIP:
                self.out[-1] = (code, wanted, name, value.lineno)
                self.import_name(name)
                return
        known = encoded(value)
        if known[0] in ("?", "call") and not (known[0] == "call" and _worth(known)):
            self.bind(name)
            return
        self.bound.add(name)
        if known[0] in ("n", "a") and dotted(value).partition(".")[0] in self.modules:
            self.modules.add(name)
        self.out.append((Op.SET, name, known, value.lineno))

    def _stored(self, target: ast.Subscript, value: ast.expr) -> None:
        if dotted(target.value) == "sys.modules":
            names = literal_names(target.slice)
            if dotted(target.slice) == "__name__":
                self.out.append((Op.OPEN, False))
            elif names:
                self.out.extend((Op.STUB, ("c", n)) for n in names)
            else:
                self.out.append((Op.STUB, encoded(target.slice)))
        elif dotted(target.value) == "sys.path":
            self.out.append((Op.PATH, True, encoded(value)))
        elif isinstance(target.value, ast.Call) and dotted(target.value.func) in ("globals", "vars", "locals"):
            self.out.append((Op.OPEN, False))

    def delete(self, node: ast.Delete) -> None:
        """Read `del a`."""
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.use(target.id, target.lineno)
                if self.depth:
                    continue  # a class may use it again from the module around
                self.bound.discard(target.id)
                self.out.append((Op.UNBIND, (target.id,)))
            else:
                self.expression(target)


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _worth(expression: tuple[Any, ...]) -> bool:
    """Whether a call could have a known value."""
    called = expression[1]
    if called in _READS or (called[0] == "a" and called[2] in _READ_BY):
        return True
    return "path" in str(expression).lower() or "spec" in str(expression) or "environ" in str(expression)
