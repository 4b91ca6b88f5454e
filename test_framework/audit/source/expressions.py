"""The few kinds of expressions whose value decides what is imported: conditions, paths and lists of names.

They are kept as tuples; `values` finds what such a tuple is worth where it stands.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 2000


def encoded(node: ast.expr | None) -> tuple[Any, ...]:
    """Return the tuple of an expression; what has no value that could be known is `("?",)`."""
    handler = _ENCODERS.get(type(node))
    return handler(node) if handler else ("?",)


def literal_names(node: ast.AST) -> tuple[str, ...]:
    """Return all texts in an expression that could be the name of a module."""
    texts = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return tuple(t for t in texts if t.replace(".", "").replace("_", "a").isalnum())


def _many(tag: str) -> Callable[[Any], tuple[Any, ...]]:
    def encode(node: ast.List | ast.Tuple) -> tuple[Any, ...]:
        if len(node.elts) > _LONGEST:
            return ("?",)
        parts = tuple(encoded(e) for e in node.elts)
        # Data, of which nobody asks anything.
        return ("?",) if ("?",) in parts else (tag, parts)

    return encode


def _call(node: ast.Call) -> tuple[Any, ...]:
    if any(k.arg is None for k in node.keywords):
        return ("?",)
    return ("call", encoded(node.func), tuple(encoded(a) for a in node.args))


def _compare(node: ast.Compare) -> tuple[Any, ...]:
    if len(node.ops) > 1:
        return ("?",)
    return ("compare", type(node.ops[0]).__name__, encoded(node.left), encoded(node.comparators[0]))


def _subscript(node: ast.Subscript) -> tuple[Any, ...]:
    if isinstance(node.slice, ast.Slice):
        if node.slice.step:
            return ("?",)
        bounds = [encoded(b) if b else ("c", None) for b in (node.slice.lower, node.slice.upper)]
        return ("slice", encoded(node.value), *bounds)
    return ("item", encoded(node.value), encoded(node.slice))


def _constant(node: ast.Constant) -> tuple[Any, ...]:
    kept = isinstance(node.value, str | int | float | bool) or node.value is None
    return ("c", node.value) if kept else ("?",)


def _joined(node: ast.JoinedStr) -> tuple[Any, ...]:
    """Return an f-string as the sum of its parts."""
    whole: tuple[Any, ...] = ("c", "")
    for part in node.values:
        inner = encoded(part)
        if isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None:
            inner = ("call", ("n", "str"), (encoded(part.value),))
        whole = ("+", whole, inner)
    return whole


_OPERATORS = {ast.Add: "+", ast.Div: "/"}
_ENCODERS: dict[type | None, Callable[[Any], tuple[Any, ...]]] = {
    ast.Constant: _constant,
    ast.Name: lambda n: ("n", n.id),
    ast.JoinedStr: _joined,
    ast.Starred: lambda n: ("*", encoded(n.value)),
    ast.Attribute: lambda n: ("a", encoded(n.value), n.attr),
    ast.List: _many("list"),
    ast.Tuple: _many("tuple"),
    ast.Set: _many("tuple"),
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Subscript: _subscript,
    ast.UnaryOp: lambda n: ("not", encoded(n.operand)) if isinstance(n.op, ast.Not) else ("?",),
    ast.BoolOp: lambda n: ("and" if isinstance(n.op, ast.And) else "or", tuple(encoded(v) for v in n.values)),
    ast.BinOp: lambda n: (
        (_OPERATORS[type(n.op)], encoded(n.left), encoded(n.right)) if type(n.op) in _OPERATORS else ("?",)
    ),
}
