"""Reads what a module does while it is imported, statement by statement, from its syntax."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from test_framework.audit.source.assignment_reader import AssignmentReader
from test_framework.audit.source.expression_reader import dotted, is_hook_mark, truthy_literal
from test_framework.audit.source.expressions import encoded
from test_framework.audit.source.function_effects import FunctionEffects
from test_framework.audit.source.operations import Op, Summary, bound_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from test_framework.audit.source.operations import Block

_EVALUATED = sys.version_info < (3, 14)  # annotations, by PEP 649
_PLAIN = ("ABCMeta", "EnumMeta", "type")  # metaclasses that put nothing into the body that has no special name
_QUIET = ("suppress", "raises")
_PASSES = (
    "catch_warnings",
    "open",
    "patch",
    "dict",
    "object",
    "multiple",
    "nullcontext",
    "warns",
    "TemporaryDirectory",
)


def read(tree: ast.Module) -> Summary:
    """Return what a module does at import, and what its functions might do when they are called then."""
    reader = _ModuleReader()
    reader.lazy_annotations = not _EVALUATED or any(
        isinstance(s, ast.ImportFrom) and s.module == "__future__" and any(n.name == "annotations" for n in s.names)
        for s in tree.body
    )
    reader.statements(tree.body)
    return Summary(
        block=tuple(reader.out),
        defined=tuple(dict.fromkeys(reader.defined)),
        global_names=tuple(sorted(reader.inside.global_names)),
        stubs=tuple(sorted(reader.inside.stubs)),
        opens=reader.inside.opens,
        paths=reader.inside.paths,
        callables=bound_once(reader.plain, tuple(reader.out)),
    )


def read_body(node: ast.FunctionDef) -> Block:
    """Return what a function does when it is called."""
    reader = _ModuleReader()
    reader.lazy_annotations = True
    reader.statements(node.body)
    return tuple(reader.out)


class _ModuleReader(AssignmentReader):
    """Adds the other statements."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = FunctionEffects()

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Go through statements that run one after the other."""
        for statement in body:
            handler = _STATEMENTS.get(type(statement))
            if handler:
                handler(self, statement)
            else:
                self.expression(statement)

    def block(self, body: Iterable[ast.stmt], *names: str) -> Block:
        """Return statements that may not run as a block, in which `names` are bound."""
        kept = self.begin()
        if names:
            self.bind(*names)
        self.statements(body)
        return self.end(kept)

    # -- imports ---------------------------------------------------------------------------------

    def import_(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._imported(name, (Op.IMPORT, alias.name, alias.asname or "", node.lineno))

    def from_(self, node: ast.ImportFrom) -> None:
        if node.module == "__future__" and not node.level:
            self.bind(*(a.asname or a.name for a in node.names))
            return
        names = tuple((a.name, a.asname or a.name, node.lineno) for a in node.names)
        self.out.append((Op.FROM, node.module or "", node.level, names, node.lineno))
        for _, name, _ in names:
            self.import_name(name)

    def _imported(self, name: str, operation: tuple[Any, ...]) -> None:
        self.out.append(operation)
        self.import_name(name)

    # -- definitions -----------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.expression(decorator)
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            self.expression(default)
        generic = bool(getattr(node, "type_params", ()))
        if not self.lazy_annotations and not generic:
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
            for argument in every:
                self.expression(argument.annotation if argument else None)
            self.expression(node.returns)
        self.inside.look(node)
        self._decorated(node)
        if not (self.depth or isinstance(node, ast.AsyncFunctionDef)) and all(map(is_hook_mark, node.decorator_list)):
            self.plain.append(node.name)
        self.define(node.name)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in reversed(node.decorator_list):
            self.called(dotted(decorator))

    def class_(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.expression(decorator)
            if dotted(decorator).endswith("global_enum"):
                self.out.append((Op.OPEN, False))
        parameters = {p.name for p in getattr(node, "type_params", ())}
        self.local.append(parameters | {"__class__", "__qualname__", "__module__"})
        for base in (*node.bases, *(k.value for k in node.keywords)):
            self.expression(base)
        self.depth += 1
        if any(k.arg == "metaclass" and dotted(k.value).rpartition(".")[2] not in _PLAIN for k in node.keywords):
            # It may prepare names for the body.
            self.out.append((Op.MAYBE, self.block(node.body)))
        else:
            self.statements(node.body)
        self.depth -= 1
        self.local.pop()
        self._decorated(node)
        if not (self.depth or node.decorator_list or node.keywords):
            self.plain.append(node.name)
        self.define(node.name)

    # -- what decides whether statements run -----------------------------------------------------

    def if_(self, node: ast.If) -> None:
        self.expression(node.test)
        self.out.append((Op.IF, encoded(node.test), self.block(node.body), self.block(node.orelse)))

    def for_(self, node: ast.For) -> None:
        self.expression(node.iter)
        self.expression(node.target)
        self._run(node.body, certain=truthy_literal(node.iter))
        self._run(node.orelse, certain=False)

    def while_(self, node: ast.While) -> None:
        self.expression(node.test)
        self._run(node.body, certain=isinstance(node.test, ast.Constant) and bool(node.test.value))
        self._run(node.orelse, certain=False)

    def _run(self, body: Sequence[ast.stmt], *, certain: bool) -> None:
        if certain and not any(isinstance(n, ast.Break | ast.Continue) for s in body for n in ast.walk(s)):
            self.statements(body)
        elif body:
            self.out.append((Op.MAYBE, self.block(body)))

    def with_(self, node: ast.With) -> None:
        quiet: list[str] | None = []
        for item in node.items:
            self.expression(item.context_expr)
            self._entered(item)
            called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            last = dotted(called).rpartition(".")[2]
            if last in _QUIET and isinstance(item.context_expr, ast.Call) and quiet is not None:
                quiet += [t for given in item.context_expr.args for t in _types(given) or ["?"]]
            elif last not in _PASSES:
                quiet = None
        if quiet == []:
            self.statements(node.body)
            return
        types = None if quiet is None else tuple(quiet)
        self.out.append((Op.TRY, self.block(node.body), ((types, ()),), (), (), False))

    def _entered(self, item: ast.withitem) -> None:
        """Bind what a `with` gives, of which an open file may be read and executed."""
        known, target = encoded(item.context_expr), item.optional_vars
        if known[:2] == ("call", ("n", "open")) and isinstance(target, ast.Name) and not self.depth:
            self.bound.add(target.id)
            self.out.append((Op.SET, target.id, known, target.lineno))
        elif target:
            self.expression(target)

    def try_(self, node: ast.Try) -> None:
        handlers = []
        body = self.block(node.body)
        for handler in node.handlers:
            self.maybe([handler.type] if handler.type else [])
            types = _types(handler.type) if handler.type else None
            handlers.append((types, self._handler(handler)))
        orelse, final = self.block(node.orelse), self.block(node.finalbody)
        self.out.append((Op.TRY, body, tuple(handlers), orelse, final, _risky(node.body)))

    def _handler(self, handler: ast.ExceptHandler) -> Block:
        """Return the block of a handler, at whose end its name is unbound."""
        if handler.name is None:
            return self.block(handler.body)
        unbound = () if self.depth else ((Op.UNBIND, (handler.name,)),)
        return (*self.block(handler.body, handler.name), *unbound)

    def match_(self, node: ast.Match) -> None:
        self.expression(node.subject)
        for case in node.cases:
            names = [str(getattr(p, "name", None) or getattr(p, "rest", "") or "") for p in ast.walk(case.pattern)]
            self.out.append((Op.MAYBE, self.block(case.body, *(n for n in names if n))))

    def raise_(self, node: ast.Raise) -> None:
        self.expression(node.exc)
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = dotted(raised).rpartition(".")[2] if raised else ""
        skips = name == "SkipTest" or (raised is not None and dotted(raised).endswith("skip.Exception"))
        self.out.append((Op.SKIP,) if skips else (Op.RAISE, name, node.lineno))

    def return_(self, node: ast.Return) -> None:
        self.expression(node.value)
        self.out.append((Op.RETURN,))

    def assert_(self, node: ast.Assert) -> None:
        self.expression(node.test)
        self.maybe([node.msg] if node.msg else [])

    def nothing(self, node: ast.stmt) -> None:
        """Take no notice of it."""


def _types(node: ast.expr) -> tuple[str, ...]:
    """Return the names of the exceptions that a handler names; "?" for what could be any."""
    many = node.elts if isinstance(node, ast.Tuple) else [node]
    return tuple(dotted(n).rpartition(".")[2] or "?" for n in many)


def _risky(body: Sequence[ast.stmt]) -> bool:
    """Whether something else than its imports may raise in the body of a `try`."""
    simple = (ast.Import, ast.ImportFrom, ast.Pass, ast.FunctionDef, ast.AsyncFunctionDef)
    for statement in body:
        if isinstance(statement, simple):
            continue
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant | ast.Name):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        return True
    return False


_STATEMENTS: dict[type, Callable[[_ModuleReader, Any], None]] = {
    ast.Import: _ModuleReader.import_,
    ast.ImportFrom: _ModuleReader.from_,
    ast.FunctionDef: _ModuleReader.function,
    ast.AsyncFunctionDef: _ModuleReader.function,
    ast.ClassDef: _ModuleReader.class_,
    ast.Assign: _ModuleReader.assign,
    ast.AnnAssign: _ModuleReader.annotated,
    ast.AugAssign: _ModuleReader.augmented,
    ast.Delete: _ModuleReader.delete,
    ast.If: _ModuleReader.if_,
    ast.For: _ModuleReader.for_,
    ast.While: _ModuleReader.while_,
    ast.With: _ModuleReader.with_,
    ast.Try: _ModuleReader.try_,
    ast.Match: _ModuleReader.match_,
    ast.Raise: _ModuleReader.raise_,
    ast.Return: _ModuleReader.return_,
    ast.Assert: _ModuleReader.assert_,
    ast.Pass: _ModuleReader.nothing,
    ast.Break: _ModuleReader.nothing,
    ast.Continue: _ModuleReader.nothing,
    ast.Global: _ModuleReader.nothing,
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = _ModuleReader.try_
if hasattr(ast, "TypeAlias"):
    _STATEMENTS[ast.TypeAlias] = lambda reader, node: reader.define(node.name.id)
