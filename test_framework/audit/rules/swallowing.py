"""What handlers do with a failure: hide it, turn it into a skip, or pass it on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_framework.audit.rules.checking import fails, is_check
from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.source_file import DEF_TYPES, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.source_file import Def

_BROAD = {"AssertionError": {"AssertionError", "Exception", "BaseException"}, "Outcome": {"BaseException"}}
# A handler that stores what it has caught leaves it to somebody else to look.
_STORES = frozenset(
    {"append", "add", "put", "put_nowait", "set", "set_exception", "extend", "send", "update", "insert"}
)
_EXITS = frozenset({"exit", "_exit", "abort", "interrupt_main"})


def swallowing(inside: list[ast.AST], anchor: int, test: str) -> Iterator[RuleFinding]:
    """Yield the assertions whose failure a handler hides, and the failures that become a skip.

    Args:
        inside: All nodes of the test's body.
        anchor: The line of its `def`.
        test: Its name.
    """
    for node in inside:
        match node:
            case ast.Try() | ast.TryStar():
                yield from _handlers(node, test, anchor)
            case ast.With() | ast.AsyncWith():
                caught = [last_name(a) for i in node.items for a in _suppressed(i.context_expr)]
                for check in _checks(node.body):
                    if _BROAD[fails(check)] & set(caught):
                        yield RuleFinding(
                            check.lineno, "swallowed-assertion", test, "suppress() hides its failure", anchor
                        )
                        break
            case _:
                pass


def hidden_checks(function: Def) -> set[ast.AST]:
    """Return the checks in a function that can fail without anybody's seeing it."""
    hidden: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, (ast.Try, ast.TryStar)):
            for check in _checks(node.body):
                handler = _handler(node, fails(check))
                if handler is not None and _hides(handler):
                    hidden.add(check)
    return hidden


def _handlers(node: ast.Try | ast.TryStar, test: str, anchor: int) -> Iterator[RuleFinding]:
    for check in _checks(node.body):
        handler = _handler(node, fails(check))
        if handler is None:
            continue
        if skip := _skip(handler):
            yield RuleFinding(skip.lineno, "failure-to-skip", test, "a failed assertion becomes a skip", anchor)
            return
        # An `else` that fails is for what was not raised: then the assertion was to fail.
        if _hides(handler) and not any(is_check(n) for s in node.orelse for n in ast.walk(s)):
            message = f"the handler in line {handler.lineno} hides its failure"
            yield RuleFinding(check.lineno, "swallowed-assertion", test, message, anchor)
            return
    handler = _handler(node, "AssertionError")
    if handler is None or not _is_broad(handler):
        return
    if skip := _skip(handler):
        yield RuleFinding(skip.lineno, "failure-to-skip", test, "whatever fails becomes a skip", anchor)
    elif _hides(handler) and isinstance(handler.body[-1], ast.Return) and handler.body[-1].value is None:
        message = "whatever fails ends the test as passed"
        yield RuleFinding(handler.body[-1].lineno, "failure-to-skip", test, message, anchor)


def _checks(body: list[ast.stmt]) -> list[ast.expr | ast.stmt]:
    """Return the assertions of a block, without those in functions and in inner blocks that have handlers."""
    found: list[ast.expr | ast.stmt] = []
    queue: list[ast.AST] = list(body)
    while queue:
        node = queue.pop(0)
        if isinstance(node, (*DEF_TYPES, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, (ast.expr, ast.stmt)) and fails(node):
            found.append(node)
            continue
        if isinstance(node, (ast.Try, ast.TryStar)) and node.handlers:
            queue += node.finalbody
            continue
        queue += ast.iter_child_nodes(node)
    return sorted(found, key=lambda n: n.lineno)


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {last_name(kind) for kind in kinds}


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return not _caught(handler).isdisjoint({"Exception", "BaseException"})


def _handler(node: ast.Try | ast.TryStar, raised: str) -> ast.ExceptHandler | None:
    """Return the handler that gets what a check raises."""
    return next((h for h in node.handlers if _BROAD[raised] & _caught(h)), None)


def _suppressed(node: ast.expr) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) and last_name(node.func) == "suppress" else []


def _hides(handler: ast.ExceptHandler) -> bool:
    """Whether a handler neither fails nor keeps what it has caught."""
    for node in (n for s in handler.body for n in ast.walk(s)):
        if is_check(node) or isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Yield)):
            return False
        if isinstance(node, ast.Return) and node.value is not None:
            return False
        if isinstance(node, ast.Call) and last_name(node.func) in _STORES | _EXITS:
            return False
    return _skip(handler) is None


def _skip(handler: ast.ExceptHandler) -> ast.stmt | None:
    """Return the statement by which a handler skips, with no way past it and no condition."""
    if any(isinstance(n, ast.Raise) and n.exc is None for s in handler.body for n in ast.walk(s)):
        return None
    for statement in handler.body:
        match statement:
            case ast.Expr(value=ast.Call(func=func)) if last_name(func) in {"skip", "skipTest", "xfail"}:
                return statement
            case ast.Raise(exc=ast.expr() as raised):
                name = last_name(raised.func if isinstance(raised, ast.Call) else raised)
                return statement if name == "SkipTest" else None
            case _:
                pass
    return None
