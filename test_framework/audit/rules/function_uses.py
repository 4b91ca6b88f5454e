"""Reads what one function uses."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_framework.audit.rules.checking import asserts, fails
from test_framework.audit.rules.function_use import ASSERTS, RAISES, FunctionUse
from test_framework.audit.rules.source_file import DEF_TYPES, last_name, marks
from test_framework.audit.rules.swallowing import hidden_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.function_use import Target
    from test_framework.audit.rules.source_file import Def

# What raises one of these says nothing of what is tested.
_NO_CHECKS = frozenset({"SkipTest", "Skipped", "NotImplementedError", "StopIteration", "StopAsyncIteration"})
_ANYTHING = frozenset({"Any", "object", "TypeVar"})
_WRAPPERS = frozenset(
    {"Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncGenerator", "ContextManager", "Optional", "Awaitable"}
)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for names and attributes of them; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def imported(node: ast.AST) -> Iterator[tuple[str, Target]]:
    """Yield the names that an import binds, with where they come from; none for a star."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield name, (alias.name if alias.asname else name, 0, "")
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if alias.name != "*":
                yield alias.asname or alias.name, (node.module or "", node.level, alias.name)


def use_of(node: Def, decorators: list[ast.expr], *, raises: bool = True) -> FunctionUse:
    """Return what a whole function uses.

    Args:
        node: It, with its body.
        decorators: Its decorators, which stand outside of it.
        raises: Whether it can raise, where that was asked.
    """
    return _UseReader(node, decorators).use(raises=raises)


class _UseReader:
    """Reads one function; what is local to functions in it counts as local to it."""

    def __init__(self, node: Def, decorators: list[ast.expr]) -> None:
        self.node, self.decorators = node, decorators
        self.inside = [n for s in node.body for n in ast.walk(s)]
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        self.params = {a.arg: _annotated(a.annotation) for a in arguments if a.arg not in {"self", "cls"}}
        self.given = {name for d in decorators for name in _parametrized(d)}
        self.imports: list[tuple[str, Target]] = []
        self.local = self._bound()
        self.makers: dict[str, set[str]] = {}

    def use(self, *, raises: bool) -> FunctionUse:  # noqa: C901, PLR0912 - one for each kind
        """Return what it uses."""
        for node in self.inside:
            self._note(node)
        names: dict[str, None] = {}
        methods: dict[tuple[str, str], None] = {}
        own: dict[str, None] = {}
        called: dict[str, None] = {}
        fixtures = dict.fromkeys(name for name in self.params if name not in self.given)
        unknown = False
        for node in self.inside:
            match node:
                case ast.Name(id=name, ctx=ast.Load()) if name not in self.local:
                    names[name] = None
                case ast.Attribute(value=ast.Name("self" | "cls") | ast.Call(func=ast.Name("super")), attr=name):
                    own[name] = None
                case ast.Attribute() if (name := dotted(node)) and self._is_free(name):
                    names[name] = None
                case ast.Call(func=ast.Name(name)) if name in self.params:
                    called[name] = None
                case ast.Call(func=ast.Attribute(attr="getfixturevalue"), args=[ast.Constant(str(name)), *_]):
                    fixtures[name] = None
                case ast.Call(func=ast.Attribute(attr="getfixturevalue")):
                    unknown = True
                case _:
                    pass
            if isinstance(node, ast.Call):
                methods.update(dict.fromkeys(self._methods(node)))
        for decorator in (n for d in self.decorators for n in ast.walk(d)):
            match decorator:
                case ast.Call(func=ast.Attribute(attr="usefixtures"), args=arguments):
                    fixtures.update((str(a.value), None) for a in arguments if isinstance(a, ast.Constant))
                case ast.Name() | ast.Attribute() if name := dotted(decorator):
                    names[name] = None
                case _:
                    pass
        level, inner = self._levels()
        return FunctionUse(
            level=ASSERTS if unknown else level,
            inner=inner,
            returns=any(isinstance(n, ast.Return) and not _is_none(n.value) for n in self._shallow()),
            raises=raises,
            names=tuple(names),
            methods=tuple(methods),
            own=tuple(own),
            params=tuple(fixtures),
            called=tuple(called),
            made=tuple(dict.fromkeys(self._made())),
            imports=tuple(self.imports),
            line=self.node.lineno,
        )

    def _bound(self) -> set[str]:
        """Return the names that are local to the function or to one inside of it; imports are kept apart."""
        local = set(self.params)
        for node in self.inside:
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    local.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    local.add(name)
                case ast.ExceptHandler(name=str(name)):
                    local.add(name)
                case ast.Import() | ast.ImportFrom():
                    self.imports += imported(node)
                case _:
                    pass
        return local - {name for name, _ in self.imports}

    def _is_free(self, name: str) -> bool:
        """Whether a dotted name starts with one that the function does not bind."""
        head = name.partition(".")[0]
        return head not in self.local and head not in {"self", "cls"}

    # -- what objects come from ------------------------------------------------------------------

    def _note(self, node: ast.AST) -> None:
        """Take note of what a statement gives a local name."""
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self._maker(value))
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self._bind(target, _annotated(annotation) or (self._maker(value) if value else ""))
            case ast.NamedExpr(target=target, value=value):
                self._bind(target, self._maker(value))
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._bind(target, self._maker(value))
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                self._bind(target, "")
            case _:
                pass

    def _bind(self, target: ast.expr, maker: str) -> None:
        simple = isinstance(target, ast.Name)
        for name in ast.walk(target):
            if isinstance(name, ast.Name):
                self.makers.setdefault(name.id, set()).add(maker if simple else "")

    def _maker(self, value: ast.expr) -> str:
        """Return what made an object; `builtins` for a literal."""
        if isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call):
            name = dotted(value.func)
            return name if name and self._is_free(name) else ""
        literals = (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.JoinedStr, ast.ListComp, ast.DictComp)
        return "builtins" if isinstance(value, literals) else ""

    def _makers(self, name: str) -> set[str]:
        """Return what a local name may have been made by."""
        found = set(self.makers.get(name, ()))
        if name in self.params:
            found.add(self.params[name] or ("" if name in self.given else f"@{name}"))
        return found or {""}

    def _methods(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        """Yield what a call calls on an object, and the methods that it is handed."""
        for value in (node.func, *node.args, *(k.value for k in node.keywords)):
            if not isinstance(value, ast.Attribute):
                continue
            match value.value:
                case ast.Name(name):
                    if name in self.local:
                        yield from ((maker, value.attr) for maker in sorted(self._makers(name)))
                case ast.Call() as call if last_name(call.func) != "super":
                    yield self._maker(call), value.attr
                case ast.Attribute() as owner:
                    # The attribute of a module is a name, and of anything else an object that nobody knows.
                    if not self._is_free(dotted(owner) or "self"):
                        yield "", value.attr
                case ast.Constant() | ast.JoinedStr():
                    pass
                case _:
                    yield "", value.attr

    def _made(self) -> Iterator[str]:
        if annotated := _annotated(self.node.returns):
            yield annotated
            return
        for node in self._shallow():
            if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
                value = node.value
                if isinstance(value, ast.Name) and value.id in self.local:
                    yield from sorted(self._makers(value.id))
                else:
                    yield self._maker(value)

    # -- whether it checks -----------------------------------------------------------------------

    def _shallow(self) -> Iterator[ast.AST]:
        """Yield the nodes that are in no function inside of it."""
        queue: list[ast.AST] = list(self.node.body)
        while queue:
            node = queue.pop()
            yield node
            if not isinstance(node, (*DEF_TYPES, ast.Lambda, ast.ClassDef)):
                queue += ast.iter_child_nodes(node)

    def _levels(self) -> tuple[int, int]:
        """Return how it checks by itself, and how what it leaves behind does."""
        hidden = hidden_checks(self.node)
        levels = {n: _level(n) for n in self.inside if n not in hidden}
        yields = [n.lineno for n in self._shallow() if isinstance(n, (ast.Yield, ast.YieldFrom))]
        later = min(yields) if yields and _is_fixture(self.decorators) else None
        within = {n for f in self.inside if isinstance(f, (*DEF_TYPES, ast.ClassDef)) for n in ast.walk(f)}
        inner = (v for n, v in levels.items() if n in within or (later is not None and getattr(n, "lineno", 0) > later))
        return max(levels.values(), default=0), max(inner, default=0)


def _is_fixture(decorators: list[ast.expr]) -> bool:
    return not marks(decorators).isdisjoint({"fixture", "yield_fixture"})


def _level(node: ast.AST) -> int:
    """Return how one node checks."""
    match node:
        case ast.Raise(exc=None):
            return 0  # it only passes on what was raised
        case ast.Raise(exc=ast.expr() as raised):
            if last_name(raised.func if isinstance(raised, ast.Call) else raised) in _NO_CHECKS:
                return 0
        case _:
            pass
    if not asserts(node):
        return 0
    return ASSERTS if isinstance(node, ast.Assert) or fails(node) else RAISES


def _annotated(node: ast.expr | None) -> str:
    """Return the dotted name of the class that an annotation names; empty where it names none, or more than one."""
    match node:
        case ast.Name() | ast.Attribute():
            return "" if last_name(node) in _ANYTHING else dotted(node)
        case ast.Constant(value=str(text)):
            return text if text.replace(".", "").isidentifier() and text not in _ANYTHING else ""
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(None)):
            return _annotated(left)
        case ast.Subscript(value=outer, slice=inner):
            if last_name(outer) in _WRAPPERS:
                return _annotated(inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
            return "" if last_name(outer) in {"Union", "Callable", "type", "Type", "Annotated"} else dotted(outer)
        case _:
            return ""


def _parametrized(node: ast.expr) -> list[str]:
    """Return the arguments that a decorator gives values to."""
    match node:
        case ast.Call(func=ast.Attribute(attr="parametrize"), args=[ast.Constant(str(names)), *_]):
            return [name.strip() for name in names.split(",")]
        case ast.Call(func=ast.Attribute(attr="parametrize"), args=[ast.List(elts=names) | ast.Tuple(elts=names), *_]):
            return [str(n.value) for n in names if isinstance(n, ast.Constant)]
        case _:
            return []


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)
