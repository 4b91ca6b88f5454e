"""Reads which names an expression uses, and which expressions affect imports."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

from test_framework.audit.source.expressions import encoded
from test_framework.audit.source.operations import GIVEN, Op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from test_framework.audit.source.operations import Block, Operation

_ALWAYS = frozenset(dir(builtins)) | GIVEN | {"__path__", "WindowsError"}
_WHEN = ("tryfirst", "trylast", "optionalhook")
_OTHERS = ("", "pytest")  # what has no name, and what is no project's


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for names with attributes, else an empty text."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def truthy_literal(node: ast.AST) -> bool:
    """Whether a loop over this surely runs once."""
    if isinstance(node, ast.Call) and dotted(node.func) == "range" and len(node.args) == 1:
        count = node.args[0]
        return isinstance(count, ast.Constant) and isinstance(count.value, int) and count.value > 0
    return isinstance(node, ast.Tuple | ast.List | ast.Set) and bool(node.elts)


def is_hook_mark(node: ast.AST) -> bool:
    """Whether this decorator only says when pytest calls a hook: nothing else about it, as its name or a wrapping."""
    given = node.keywords if isinstance(node, ast.Call) and not node.args else []
    marked = dotted(node.func if isinstance(node, ast.Call) else node) == "pytest.hookimpl"
    return marked and all(keyword.arg in _WHEN for keyword in given)


class ExpressionReader:
    """Goes through expressions; what they do is appended to `out`."""

    def __init__(self) -> None:
        self.out: list[Operation] = []
        self.bound: set[str] = set()  # surely bound here
        self.modules: set[str] = set()  # bound by an import somewhere above
        self.local: list[set[str]] = []  # names of comprehensions and class bodies
        self.seen: set[tuple[str, tuple[str, ...]]] = set()
        self.depth = 0  # how many classes around

    def begin(self) -> tuple[list[Operation], set[str], set[tuple[str, tuple[str, ...]]]]:
        """Start a block that may not run; hand what this returns to `end`."""
        kept = self.out, self.bound, self.seen
        self.out, self.bound, self.seen = [], set(self.bound), set(self.seen)
        return kept

    def end(self, kept: tuple[list[Operation], set[str], set[tuple[str, tuple[str, ...]]]]) -> Block:
        """End it; returns its operations."""
        block = tuple(self.out)
        self.out, self.bound, self.seen = kept
        return block

    def maybe(self, nodes: Iterable[ast.AST]) -> None:
        """Go through expressions that may not be evaluated."""
        kept = self.begin()
        for node in nodes:
            self.expression(node)
        block = self.end(kept)
        if block:
            self.out.append((Op.MAYBE, block))

    def bind(self, *names: str) -> None:
        """Note that names are bound to something from here on."""
        if self.depth:
            self.local[-1].update(names)
            return
        self.bound.update(names)
        self.modules.difference_update(names)
        if self.out and self.out[-1][0] == Op.BIND:
            self.out[-1] = (Op.BIND, self.out[-1][1] + names)
        else:
            self.out.append((Op.BIND, names))

    def is_local(self, name: str) -> bool:
        """Whether a name is of a comprehension or a class around this place."""
        return any(name in names for names in self.local)

    def use(self, name: str, line: int) -> None:
        """Note that a name must be bound here."""
        if name in self.bound or name in _ALWAYS or self.is_local(name):
            return
        self.bound.add(name)
        self.out.append((Op.USE, name, line))

    def called(self, name: str) -> None:
        """Note that what may be a function of the project is called here; once is enough, since imports are kept."""
        base, *rest = name.split(".")
        key = base, ("()", *rest)
        if base in _ALWAYS or base in _OTHERS or key in self.seen or self.is_local(base):
            return
        self.seen.add(key)
        self.out.append((Op.CALL, base, tuple(rest)))

    # -- expressions -----------------------------------------------------------------------------

    def expression(self, node: ast.AST | None) -> None:
        """Go through an expression that is evaluated."""
        if node is None or isinstance(node, ast.Constant):
            return
        handler = _EXPRESSIONS.get(type(node))
        if handler is not None:
            handler(self, node)
            return
        # As `ast.iter_child_nodes`, in half the time.
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for child in value:
                    if isinstance(child, ast.AST):
                        self.expression(child)
            elif isinstance(value, ast.AST):
                self.expression(value)

    def lambda_(self, node: ast.Lambda) -> None:
        """Go through the defaults; the body runs later."""
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.expression(default)

    def either_(self, node: ast.BoolOp) -> None:
        """Go through `a and b`: only the first is surely evaluated."""
        self.expression(node.values[0])
        self.maybe(node.values[1:])

    def named_(self, node: ast.NamedExpr) -> None:
        """Go through `a := b`."""
        self.expression(node.value)
        if self.local and not self.depth:
            self.local[-1].add(node.target.id)
        self.bind(node.target.id)

    def name_(self, node: ast.Name) -> None:
        """Go through a name."""
        if isinstance(node.ctx, ast.Load):
            self.use(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.bind(node.id)

    def attribute_(self, node: ast.Attribute) -> None:
        """Go through `a.b`."""
        name = dotted(node)
        if not name:
            self.expression(node.value)
            return
        base, *rest = name.split(".")
        self.use(base, node.lineno)
        if not isinstance(node.ctx, ast.Load):
            rest.pop()
            if base in self.modules and not self.is_local(base):
                self.out.append((Op.SET_ATTRIBUTE, base, tuple(rest), node.attr))
        key = base, tuple(rest)
        if rest and base in self.modules and key not in self.seen and not self.is_local(base):
            self.seen.add(key)
            self.out.append((Op.ATTRIBUTE, base, tuple(rest), node.lineno))

    def choice_(self, node: ast.IfExp) -> None:
        """Go through `a if b else c`."""
        self.expression(node.test)
        blocks = []
        for branch in (node.body, node.orelse):
            kept = self.begin()
            self.expression(branch)
            blocks.append(self.end(kept))
        if any(blocks):
            self.out.append((Op.IF, encoded(node.test), *blocks))

    def comprehension_(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        """Go through a comprehension: only its first source is surely evaluated."""
        first = node.generators[0]
        self.expression(first.iter)
        kept = self.begin()
        # What is inside does not see the names of a class around it.
        around = self.depth, self.local
        self.local = [set()] if self.depth else [*self.local, set()]
        self.depth = 0
        for generator in node.generators:
            if generator is not first:
                self.expression(generator.iter)
            names = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            self.local[-1] |= names
            for condition in generator.ifs:
                self.expression(condition)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for element in elements:
            self.expression(element)
        self.depth, self.local = around
        block = self.end(kept)
        lazy = isinstance(node, ast.GeneratorExp)
        certain = truthy_literal(first.iter) and len(node.generators) == 1 and not first.ifs and not lazy
        if certain:
            self.out.extend(block)
        elif block:
            self.out.append((Op.MAYBE, block))

    def call_(self, node: ast.Call) -> None:
        """Go through a call."""
        self.expression(node.func)
        for given in (*node.args, *(k.value for k in node.keywords)):
            self.expression(given)


_EXPRESSIONS: dict[type, Callable[[ExpressionReader, Any], None]] = {
    ast.Name: ExpressionReader.name_,
    ast.Attribute: ExpressionReader.attribute_,
    ast.Call: lambda usage, node: usage.call_(node),
    ast.Lambda: ExpressionReader.lambda_,
    ast.BoolOp: ExpressionReader.either_,
    ast.IfExp: ExpressionReader.choice_,
    ast.NamedExpr: ExpressionReader.named_,
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), ExpressionReader.comprehension_),
}
