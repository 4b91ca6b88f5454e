"""Reads calls that change what can be imported, or that import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_framework.audit.source.expression_reader import ExpressionReader, dotted
from test_framework.audit.source.expressions import encoded, literal_names
from test_framework.audit.source.operations import Op

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXITS = ("sys.exit", "exit", "quit", "os._exit")
_WRITES = ("update", "setdefault", "__setitem__")


class CallReader(ExpressionReader):
    """Adds calls to the expressions."""

    def call_(self, node: ast.Call) -> None:
        """Go through a call, which may be one of those that change what is imported."""
        super().call_(node)
        name = dotted(node.func)
        self.called(name)
        head, _, last = name.rpartition(".")
        if last == "importorskip":
            self._import_or_skip(node)
        elif last == "import_module" or name == "__import__":
            self._load(node)
        elif last in ("insert", "append", "extend") and head == "sys.path":
            self._path(node, last)
        elif last == "addsitedir" and node.args:
            self.out.append((Op.PATH, False, encoded(node.args[0])))
        elif head == "sys.modules" and last in _WRITES:
            self._stub(node.args)
        elif last in ("dict", "setitem") and len(node.args) > 1 and _is_modules(node.args[0]):
            self._stub(node.args[1:])
        else:
            self._writes(node, name, head, last)

    def _writes(self, node: ast.Call, name: str, head: str, last: str) -> None:
        written = last in _WRITES and isinstance(node.func, ast.Attribute) and _is_names(node.func.value)
        if name == "exec":
            if binds_names(node):
                self.out.append((Op.EXEC, ("?",) if self.depth or self.local else encoded(node.args[0])))
        elif written or _hands_itself(node, last):
            self.out.append((Op.OPEN, False))
        elif any(map(_is_names, (*node.args, *(k.value for k in node.keywords if k.arg)))):
            self._hand(node, name)
        elif name == "setattr" and len(node.args) > 1:
            target, attribute = node.args[:2]
            if isinstance(target, ast.Name) and not self.is_local(target.id):
                known = str(attribute.value) if isinstance(attribute, ast.Constant) else ""
                self.out.append((Op.SET_ATTRIBUTE, target.id, (), known))
            else:
                self.out.append((Op.OPEN, False))
        elif last in ("append", "extend") and head and "." not in head and node.args:
            added = encoded(node.args[0])
            self.out.append((Op.GROW, head, ("list", (added,)) if last == "append" else added))
        elif name in _EXITS or (last == "skip" and any(k.arg == "allow_module_level" for k in node.keywords)):
            self.out.append((Op.SKIP,))

    def _hand(self, node: ast.Call, name: str) -> None:
        """Note that the names of the module are given to a function; one that only reads them binds none."""
        if name.isidentifier() and not (node.keywords or self.is_local(name)) and not any(map(_is_starred, node.args)):
            self.out.extend((Op.HAND, name, at) for at, given in enumerate(node.args) if _is_names(given))
        else:
            self.out.append((Op.OPEN, False))

    def _import_or_skip(self, node: ast.Call) -> None:
        if node.args and isinstance(node.args[0], ast.Constant):
            self.out.append((Op.IMPORT_OR_SKIP, str(node.args[0].value), "", node.lineno))
        else:
            # It may skip the rest.
            self.out.append((Op.MAYBE, ((Op.SKIP,),)))

    def _load(self, node: ast.Call) -> None:
        wanted = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(wanted, str) and wanted and not wanted.startswith("."):
            self.out.append((Op.LOAD, wanted, node.lineno, encoded(node.func)))

    def _path(self, node: ast.Call, how: str) -> None:
        if not node.args:
            return
        added = encoded(node.args[-1])
        front = how == "insert" and encoded(node.args[0]) in (("c", 0), ("c", 1))
        self.out.append((Op.PATH, front, added if how == "extend" else ("list", (added,))))

    def _stub(self, given: Iterable[ast.AST]) -> None:
        names = [name for node in given for name in literal_names(node)]
        self.out.extend((Op.STUB, ("c", name)) for name in names)
        if not names:
            self.out.append((Op.STUB, None))


def binds_names(node: ast.Call, *, inside: bool = False) -> bool:
    """Whether an `exec` may bind names of the module: not when it is given another dictionary.

    Args:
        node: The call.
        inside: Whether it stands in a function, whose own names are the ones that it binds when it is given nothing.
    """
    if not node.args:
        return False
    return _is_names(node.args[1]) if len(node.args) > 1 else not inside


def _is_starred(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred)


def _is_modules(node: ast.AST) -> bool:
    return dotted(node) == "sys.modules" or (isinstance(node, ast.Constant) and node.value == "sys.modules")


def _hands_itself(node: ast.Call, called: str) -> bool:
    """Whether a module gives its name to a function that might replace it by another; loggers and classes do not."""
    if "log" in called.lower() or called[:1].isupper():
        return False
    return any(isinstance(given, ast.Name) and given.id == "__name__" for given in node.args)


def _is_names(node: ast.AST) -> bool:
    """Whether this is the namespace of the module: `globals()`, `vars()`, `locals()`."""
    return isinstance(node, ast.Call) and dotted(node.func) in ("globals", "vars", "locals")
