"""Reads what functions and classes do when they are called: only for those that are called at import."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.source.expression_reader import dotted
from test_framework.audit.source.function_spans import functions
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.module_reader import read_body
from test_framework.audit.source.operations import Op, binds, flat
from test_framework.audit.source.parsing import parsed
from test_framework.audit.source.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.audit.source.function_spans import FunctionSpan
    from test_framework.audit.source.operations import Block

_LOOKS = ("get", "items", "keys", "values")
_REACHES = ("exec", "eval", "locals", "vars")
_DEF = re.compile(r"def[ \t]+(\w+)")
# Where a class may end; when that is inside a string or a bracket, what is before it does not parse.
_NEXT = re.compile(r"\n(?=[^\s#])|\Z")


class Body(NamedTuple):
    """What a function does, and the names that are its own."""

    block: Block
    local: frozenset[str]


class Bodies:
    """The functions and classes of one file.

    Args:
        text: The file; one that Python cannot parse has none.
    """

    def __init__(self, text: str) -> None:
        self.text = unix_lines(text)
        self.spans = {function.line: function for function in functions(self.text) or ()}
        starts = ((_DEF.match(self.text, span.start), span) for span in self.spans.values())
        self.named = {found[1]: span for found, span in starts if found}
        self.nodes: dict[str, ast.FunctionDef | ast.ClassDef | None] = {}
        self.is_whole = False  # whether all of them are there

    def function(self, name: str) -> Body | None:
        """Return what the function of this name does; None when there is none, or a call does not run it."""
        span = self.named.get(name)
        node = self._parsed(span) if span else self._node(name)
        return self._body(node) if isinstance(node, ast.FunctionDef) else None

    def only_reads(self, name: str, position: int) -> bool:
        """Whether the function of this name only looks into what it is given at this position."""
        span = self.named.get(name)
        # Where nothing can be cut, every definition has its body.
        node = self._parsed(span) if span else None if self.spans else self._node(name)
        if not isinstance(node, ast.FunctionDef):
            return False
        given = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        return position < len(given) and not any(_changes(statement, given[position]) for statement in node.body)

    def constructor(self, name: str) -> Body | None:
        """Return what `__init__` of the class of this name does, where the class itself has one."""
        node = self._node(name)
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                span = self.spans.get(inner.lineno)
                whole = self._parsed(span) if span else inner
                return self._body(whole) if whole else None
        return None

    def bases(self, name: str) -> list[str] | None:
        """Return the names of the bases of a class; None when its instances may be made in a way of its own."""
        node = self._node(name)
        if not isinstance(node, ast.ClassDef) or node.keywords or node.decorator_list:
            return None
        for inner in _definitions(node.body):
            own = inner.name == "__init__" and (inner.decorator_list or inner not in node.body)
            if own or inner.name == "__new__":
                return None
        return [dotted(base) for base in node.bases]

    def _body(self, node: ast.FunctionDef) -> Body | None:
        if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own(node.body)):
            return None
        given = node.args
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        block = read_body(node)
        # A list that only gets longer is not bound here.
        bound = {name for inner in flat(block) if inner[0] != Op.GROW for name in binds(inner)}
        return Body(block, frozenset(bound | {argument.arg for argument in every if argument}))

    def _parsed(self, span: FunctionSpan) -> ast.FunctionDef | None:
        """Return a function with its body."""
        text = self.text[span.start : span.end]
        above = "if 1:\n" if text[:1].isspace() else ""
        tree = _tree(above + text, span.line - 1 - len(above.splitlines()))
        return next((n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)), None)

    def _node(self, name: str) -> ast.FunctionDef | ast.ClassDef | None:
        """Return a definition, without the bodies of methods; most classes are told without reading the whole file."""
        if name not in self.nodes:
            found = None if self.is_whole else self._class(name)
            if found is None and not self.is_whole:
                self.is_whole = True
                self.nodes |= {node.name: node for node in _definitions(_tree(skeleton(self.text), 0).body)}
            self.nodes.setdefault(name, found)
        return self.nodes[name]

    def _class(self, name: str) -> ast.ClassDef | None:
        """Return a class from its own text alone; None when that cannot be told."""
        starts = [found.start() for found in re.finditer(rf"\bclass[ \t]+{name}\b", self.text)]
        if len(starts) != 1 or self.text[starts[0] - 1 : starts[0]] not in {"", "\n"}:
            return None
        (start,) = starts
        end = _NEXT.search(self.text, start)
        tree = _tree(skeleton(self.text[start : end and end.end()]), self.text.count("\n", 0, start))
        return next((node for node in tree.body if isinstance(node, ast.ClassDef)), None)


def _changes(node: ast.AST, name: str) -> bool:
    """Whether something does more with a name than to look into what it is bound to."""
    inner: Iterable[ast.AST]
    match node:
        case ast.Name(id=found):
            return found == name
        case ast.Constant(value="__all__"):
            return True  # a list in it, which may get longer
        case ast.Call(func=ast.Name(id=called)) if called in _REACHES:
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr=how)) if found == name and how in _LOOKS:
            inner = (*node.args, *node.keywords)
        case ast.Subscript(value=ast.Name(id=found), ctx=ast.Load()) if found == name:
            inner = (node.slice,)
        case _:
            inner = ast.iter_child_nodes(node)
    return any(_changes(child, name) for child in inner)


def _tree(text: str, above: int) -> ast.Module:
    """Return the tree of a part of a file, below so many lines; nothing of what does not parse."""
    tree = parsed(text)
    if tree is None:
        return ast.Module([], [])
    ast.increment_lineno(tree, above)
    return tree


def _definitions(body: Iterable[ast.AST]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield what is defined at module level, in whichever branch."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler) and not isinstance(node, ast.AsyncFunctionDef):
            yield from _definitions(ast.iter_child_nodes(node))


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield what belongs to a function and not to one inside of it."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own(ast.iter_child_nodes(node))
