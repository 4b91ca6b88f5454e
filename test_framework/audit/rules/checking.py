"""Decides whether code checks something: by its form, and else by its name.

A call counts as a check when a word of its last name is one of `_WORDS` (`self.assertEqual`, `mock.assert_called_once`,
`check_invariants`, `page.expect_response`, `np.testing.assert_allclose`), when it is one of `_NAMES`, or when it runs
a helper that is called a test (`self._test_roundtrip(x)`). A name is a promise: a helper of this name that cannot raise
is the finding `helper-never-raises`, where it is written.
"""

from __future__ import annotations

import ast
import re
from functools import cache

from test_framework.audit.rules.source_file import last_name

_WORDS = frozenset({
    "assert", "asserts", "check", "checks", "verify", "verifies", "expect", "expects", "validate", "validates",
    "ensure", "ensures", "should", "must", "compare", "compares", "raise", "raised", "raises", "warns", "fail", "fails",
    "eventually", "match_snapshot",
})  # fmt: skip
_NAMES = frozenset({
    # nose, sqlalchemy.testing, pytest's own `pytester` and `deprecated_call`, and waits that raise when they end
    "deprecated_call", "eq_", "ne_", "is_", "in_", "ok_", "le_", "lt_", "ge_", "gt_", "is_not_", "not_in_",
    "startswith_", "fnmatch_lines", "fnmatch_lines_random", "re_match_lines", "re_match_lines_random",
    "no_fnmatch_line", "no_re_match_line",
})  # fmt: skip
_BARE_NAMES = frozenset({"is_true", "is_false", "is_none", "is_not", "is_not_none", "not_in", "eq", "ok"})
_WAITS = ("wait_for", "wait_until", "poll_until")
# Helpers of frameworks that start with `test` and test nothing.
_NOT_TESTS = frozenset({"test_client", "test_request_context", "test_cli_runner", "test_server", "test_db"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(name))


@cache
def is_check_name(name: str) -> bool:
    """Whether something of this name checks."""
    if name in _NAMES or name.startswith(_WAITS):
        return True
    words = _words(name)
    if not words.isdisjoint(_WORDS):
        return True
    return not words.isdisjoint({"test", "tests"}) and not name[0].isupper() and name not in _NOT_TESTS


@cache
def promises_check(name: str) -> bool:
    """Whether a helper of this name says that it raises when something is wrong."""
    return re.match(r"_*(?:assert|check|verify|validate|ensure|expect)(?:_|[A-Z]|\Z)", name) is not None


def is_check(node: ast.AST) -> bool:
    """Whether a node of a tree checks something, by itself."""
    match node:
        case ast.Assert() | ast.Raise():
            return True
        case ast.Call():
            return _is_check_call(node)
        case _:
            return False


def _is_check_call(node: ast.Call) -> bool:
    name = last_name(node.func)
    if name and is_check_name(name):
        return True
    if isinstance(node.func, ast.Name) and name in _BARE_NAMES:
        return True
    if any(k.arg == "check" and isinstance(k.value, ast.Constant) and k.value.value is True for k in node.keywords):
        return True  # subprocess.run(..., check=True)
    # warnings.simplefilter("error"), filterwarnings("error"): a warning fails the test
    return name in {"simplefilter", "filterwarnings"} and _first_is(node, "error")


def _first_is(node: ast.Call, value: str) -> bool:
    return bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == value


def fails(node: ast.AST) -> str:
    """Return the class of what a node raises when its check fails: `AssertionError`, `Outcome` (of pytest), or none.

    pytest's own failures (`pytest.fail`, `pytest.raises` that sees nothing) are no `Exception`: `except Exception` lets
    them through.
    """
    match node:
        case ast.Assert():
            return "" if truth(node.test) else "AssertionError"
        case ast.Raise(exc=ast.expr() as raised):
            raised = raised.func if isinstance(raised, ast.Call) else raised
            return "AssertionError" if last_name(raised) == "AssertionError" else ""
        case ast.Call(func=ast.Attribute(value=ast.Name("pytest"), attr="fail" | "raises" | "warns")):
            return "Outcome"
        case ast.Call(func=ast.Attribute(attr="fail") as func):
            return "AssertionError" if last_name(func.value) == "self" else ""
        case ast.Call(func=func):
            return "AssertionError" if "assert" in _words(last_name(func)) else ""
        case _:
            return ""


def asserts(node: ast.AST) -> bool | None:
    """Return whether a node is an assertion that can come out either way; None when it is no assertion.

    False is one that always holds. `assert False` and `self.fail()` say that they are not to be reached: they count.
    """
    match node:
        case ast.Assert():
            return truth(node.test) is not True
        case ast.Call(func=ast.Attribute(value=ast.Name("self" | "cls"), attr=name), args=[first, *rest]):
            return _unittest(name, first, rest)
        case _:
            return True if is_check(node) else None


def _unittest(name: str, first: ast.expr, rest: list[ast.expr]) -> bool | None:
    """Return the same for a method of `unittest.TestCase`."""
    match name:
        case "assertTrue" | "assert_" | "failUnless":
            return truth(first) is not True
        case "assertFalse":
            return truth(first) is not False
        case "assertIsNotNone":
            return not (isinstance(first, ast.Constant) and first.value is not None)
        case "assertEqual" | "assertEquals" | "assertIs" | "assertCountEqual" if rest:
            return not same(first, rest[0])
        case _:
            return True if is_check_name(name) else None


def same(left: ast.expr, right: ast.expr) -> bool:
    """Whether two expressions are the same one and nothing is called between: names, attributes and constants."""
    simple = (ast.Name, ast.Attribute, ast.Constant, ast.expr_context, ast.UnaryOp, ast.unaryop, ast.Tuple, ast.List)
    return ast.dump(left) == ast.dump(right) and all(isinstance(n, simple) for n in ast.walk(left))


def truth(node: ast.expr) -> bool | None:  # noqa: PLR0911 - one for each form
    """Return what a condition always is, and None when that depends on something."""
    match node:
        case ast.Constant():
            return bool(node.value)
        case ast.UnaryOp(op=ast.Not()):
            inner = truth(node.operand)
            return None if inner is None else not inner
        case ast.BoolOp():
            return _either([truth(v) for v in node.values], decisive=isinstance(node.op, ast.Or))
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return _filled(elements)
        case ast.Dict(keys=keys):
            return True if any(keys) else None if keys else False
        case ast.Lambda() | ast.GeneratorExp():
            return True
        case ast.JoinedStr():
            return True if any(isinstance(v, ast.Constant) and v.value for v in node.values) else None
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compare(left, op, right)
        case _:
            return None


def _either(values: list[bool | None], *, decisive: bool) -> bool | None:
    """Return what `or` (decisive: True) or `and` (False) makes of its parts."""
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _filled(elements: list[ast.expr]) -> bool | None:
    if any(not isinstance(e, ast.Starred) for e in elements):
        return True
    return None if elements else False


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
    """Return what a comparison with itself, of constants, or of a length with nought always is."""
    holds = isinstance(op, (ast.Eq, ast.Is, ast.LtE, ast.GtE))
    if same(left, right) and (holds or isinstance(op, (ast.NotEq, ast.IsNot, ast.Lt, ast.Gt))):
        return holds
    if isinstance(op, ast.GtE) and isinstance(right, ast.Constant) and right.value == 0:
        return True if isinstance(left, ast.Call) and last_name(left.func) == "len" else None
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant) and isinstance(op, (ast.Eq, ast.NotEq)):
        return (left.value == right.value) is isinstance(op, ast.Eq)
    return None
