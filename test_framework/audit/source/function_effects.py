"""Finds what functions may do to modules when they are called; the skeleton keeps the bodies of such functions."""

from __future__ import annotations

import ast

from test_framework.audit.source.call_reader import binds_names
from test_framework.audit.source.expression_reader import dotted
from test_framework.audit.source.expressions import literal_names


class FunctionEffects:
    """The effects of all functions of a module: global names, replaced modules, and whether there may be more."""

    def __init__(self) -> None:
        self.global_names: set[str] = set()
        self.stubs: set[str] = set()
        self.opens = self.paths = False

    def look(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Add the effects of a function."""
        if len(node.body) == 1 and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
            return
        for inner in (i for statement in node.body for i in ast.walk(statement)):
            if isinstance(inner, ast.Global):
                self.global_names.update(inner.names)
            elif isinstance(inner, ast.Call):
                self._called(inner)
            elif isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Store):
                self._stored(inner)

    def _called(self, node: ast.Call) -> None:
        name = dotted(node.func)
        if name in ("sys.path.insert", "sys.path.append", "sys.path.extend"):
            self.paths = True
        elif name == "exec":
            self.opens = self.opens or binds_names(node, inside=True)
        elif name in ("sys.modules.update", "sys.modules.setdefault", "monkeypatch.setitem", "patch.dict"):
            self.stubs.update(literal_names(node))
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            self.opens = self.opens or dotted(node.func.value.func) == "globals"
        elif name == "setattr" and node.args and "modules" in ast.dump(node.args[0]):
            self.opens = True

    def _stored(self, node: ast.Subscript) -> None:
        if dotted(node.value) == "sys.modules":
            self.stubs.update(literal_names(node.slice) or ("*",))
        elif isinstance(node.value, ast.Call) and dotted(node.value.func) == "globals":
            self.opens = True
