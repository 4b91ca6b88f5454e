"""One test file as the rules see it: its classes and tests, and the exact tree of a function once it is asked for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from test_framework.audit.source.function_spans import functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.audit.rules.patterns import Patterns

_INDENTED = re.compile(r"\n[ \t]+(?:async[ \t]+def|def|class)[ \t]+(\w+)")
DEF_TYPES = (ast.FunctionDef, ast.AsyncFunctionDef)
Def = ast.FunctionDef | ast.AsyncFunctionDef
PLAIN_BASES = frozenset({"object", "Generic", "ABC", "Protocol"})


class BaseKind:
    """What a class is by its bases: `PLAIN`, a `CASE` of unittest, or `UNKNOWN`, as one of them is imported."""

    PLAIN, CASE, UNKNOWN = range(3)


@dataclass(frozen=True, slots=True)
class Test:
    """A function that pytest takes for a test; `owner` is the class in which it is written."""

    node: Def
    owner: ast.ClassDef | None
    name: str


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name, `c` of `a.b().c[d]`; empty for what has none."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def called(node: ast.expr) -> ast.expr:
    """Return what a decorator names, without its arguments."""
    return node.func if isinstance(node, ast.Call) else node


def marks(decorators: Iterable[ast.expr]) -> frozenset[str]:
    """Return the last names of decorators."""
    return frozenset(last_name(called(d)) for d in decorators)


def is_fixture(node: Def) -> bool:
    """Whether a function is a fixture."""
    return bool(node.decorator_list) and not marks(node.decorator_list).isdisjoint({"fixture", "yield_fixture"})


def block(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body and of the blocks in it that are neither functions nor classes."""
    for statement in body:
        yield statement
        match statement:
            case ast.If() | ast.For() | ast.While() | ast.AsyncFor():
                yield from block((*statement.body, *statement.orelse))
            case ast.With() | ast.AsyncWith():
                yield from block(statement.body)
            case ast.Try() | ast.TryStar():
                handled = (s for handler in statement.handlers for s in handler.body)
                yield from block((*statement.body, *handled, *statement.orelse, *statement.finalbody))
            case _:
                pass


class SourceFile:
    """A test file: `tree` is of its skeleton, and `exact` gives the whole of one function."""

    def __init__(self, text: str, tree: ast.Module, patterns: Patterns) -> None:
        self.text, self.tree, self.patterns = text, tree, patterns
        self.spans = {span.line: span for span in functions(text) or ()}
        self._exact: dict[Def, Def | None] = {}
        top = list(block(tree.body))
        self.statements = top
        self.functions = {s.name: s for s in top if isinstance(s, DEF_TYPES)}
        self.classes = {s.name: s for s in top if isinstance(s, ast.ClassDef)}
        self.off = any(_switches_off(s) for s in tree.body)
        self.tests = () if self.off else tuple(self._tests())

    def body(self, node: Def) -> str | None:
        """Return the text of a function's body with the newline before it; None when it is only in the tree."""
        span = self.spans.get(node.lineno)
        return None if span is None else self.text[span.body : span.end]

    @cached_property
    def may_nest(self) -> bool:
        """Whether a test may stand inside a function, by the text: one search for all of them."""
        starts = {span.start for span in self.spans.values()}
        is_function, is_class = self.patterns.is_function, self.patterns.is_class
        return any(
            (is_function(found[1]) or is_class(found[1])) and found.start() + 1 not in starts
            for found in _INDENTED.finditer(self.text)
        )

    def exact(self, node: Def) -> Def | None:
        """Return the whole function with the lines of the file; None when it does not parse."""
        if node not in self._exact:
            self._exact[node] = self._parse(node)
        return self._exact[node]

    def _parse(self, node: Def) -> Def | None:
        span = self.spans.get(node.lineno)
        if span is None:
            return node
        # What is indented stands in a block of its own.
        head = "if 1:\n" if self.text[span.start] in " \t" else ""
        above = "\n" * (span.line - 1 - len(head.splitlines()))
        try:
            tree = ast.parse(above + head + self.text[span.start : span.end])
        except (SyntaxError, ValueError):
            return None
        first = tree.body[0]
        found = first.body[0] if head and isinstance(first, ast.If) else first
        return found if isinstance(found, DEF_TYPES) else None

    def base(self, node: ast.ClassDef, seen: frozenset[str] = frozenset()) -> int:
        """Return what a class is by its bases, those in this file followed."""
        kinds = [BaseKind.PLAIN]
        for base in node.bases:
            name = last_name(base)
            if isinstance(base, ast.Name) and name in self.classes and name not in seen | {node.name}:
                kinds.append(self.base(self.classes[name], seen | {node.name}))
            elif name.endswith("TestCase"):
                kinds.append(BaseKind.CASE)
            elif name not in PLAIN_BASES:
                kinds.append(BaseKind.UNKNOWN)
        return BaseKind.CASE if BaseKind.CASE in kinds else max(kinds)

    def family(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        """Return a class and those of its bases that are in this file, each once."""
        family = [node]
        for member in family:
            names = [last_name(b) for b in member.bases]
            family += [self.classes[n] for n in names if n in self.classes and self.classes[n] not in family]
        return family

    def methods(self, node: ast.ClassDef) -> dict[str, Def]:
        """Return a class's methods by name, with those that it has from classes of this file."""
        found: dict[str, Def] = {}
        for member in reversed(self.family(node)):
            found |= {s.name: s for s in block(member.body) if isinstance(s, DEF_TYPES)}
        return found

    def is_test(self, node: Def, base: int | None = None) -> bool:
        """Whether a function's name makes it a test, in a class of this kind or in the module."""
        if is_fixture(node):
            return False
        as_case = base in {BaseKind.CASE, BaseKind.UNKNOWN} and node.name.startswith("test")
        return as_case or (base != BaseKind.CASE and self.patterns.is_function(node.name))

    def has_init(self, node: ast.ClassDef) -> Def | None:
        """Return the `__init__` or `__new__` for which pytest does not collect a class."""
        methods = self.methods(node)
        return methods.get("__init__") or methods.get("__new__")

    def is_collected(self, node: ast.ClassDef) -> bool:
        """Whether pytest collects a class, which is taken to be so where its base is unknown."""
        base = self.base(node)
        if any(_switches_off(s) for s in node.body):
            return False
        if base == BaseKind.PLAIN:
            return self.patterns.is_class(node.name) and self.has_init(node) is None
        return True

    def _tests(self) -> Iterator[Test]:
        for statement in self.statements:
            if isinstance(statement, DEF_TYPES) and self.is_test(statement):
                yield Test(statement, None, statement.name)
        collected = [c for c in self.classes.values() if self.is_collected(c)]
        seen: set[ast.ClassDef] = set()
        for node in collected:
            kind = self.base(node)
            for member in self.family(node):
                if member not in seen:
                    seen.add(member)
                    yield from self._of_class(member, kind, member.name)

    def _of_class(self, node: ast.ClassDef, kind: int, prefix: str) -> Iterator[Test]:
        for statement in block(node.body):
            if isinstance(statement, DEF_TYPES) and self.is_test(statement, kind):
                yield Test(statement, node, f"{prefix}::{statement.name}")
            elif isinstance(statement, ast.ClassDef) and kind != BaseKind.CASE and self.is_collected(statement):
                yield from self._of_class(statement, self.base(statement), f"{prefix}::{statement.name}")


def _switches_off(statement: ast.stmt) -> bool:
    """Whether a statement is `__test__ = False`."""
    match statement:
        case ast.Assign(targets=[ast.Name("__test__")], value=ast.Constant(False)):
            return True
        case _:
            return False
