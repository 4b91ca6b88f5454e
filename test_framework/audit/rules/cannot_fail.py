"""Tests that cannot fail, and helpers that promise to fail and cannot."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from test_framework.audit.rules.checking import asserts, is_check, is_check_name, promises_check
from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.helpers import Helpers
from test_framework.audit.rules.pending import PendingCheck
from test_framework.audit.rules.skips import is_skipped
from test_framework.audit.rules.source_file import DEF_TYPES, BaseKind, called, last_name, marks
from test_framework.audit.rules.swallowing import swallowing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.audit.rules.source_file import Def, SourceFile, Test

# A test with a line like these, and nothing like what follows, has an assertion that can fail.
_SURE = re.compile(
    r"""\n[ \t]+(?:
      assert[ \t]+(?!(?:True|False|None|not|lambda)\b)[A-Za-z_][\w.]*+(?!["'\w.])
    | (?:with[ \t]+)?(?:\w+\.){0,3}(?:assert_\w+|assert[A-Z]\w+)\((?![ \t]*(?:True|False|None|not|\d|["'(\[{]))
    | (?:with[ \t]+)?(?:\w+\.){0,3}raises\(
    )""",
    re.X,
)
# Searched as plain texts, ten times as fast as one pattern; a word that only looks like one of these costs a parse.
_DOUBTFUL = (
    *("try:", "try :", "suppress", "yield"),
    *("assert (", "assert(", "assert  ", '"""', "'''", "\\\n"),
)
# What is returned may be a verdict, unless it is nothing or one name.
_RETURN = re.compile(r"return\b(?!(?:[ \t]+(?!(?:True|False)\b)[A-Za-z_][\w.]*+)?[ \t]*+(?:\#[^\n]*+)?\n)")
_OR = re.compile(r"or\b(?<=\bor)")
_STRING = re.compile(r""""(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'""")
# Names and simple calls with `or` and `and` between them.
_EITHER = re.compile(
    r"""
    \s*+ assert [ \t]++ (?!(?:True|False|None|not|lambda|and|or)\b) [A-Za-z_][\w.]*+ (?:\([^()'"\[{\n]*+\))?+
    (?: [ \t]++ (?:or|and) [ \t]++ (?!(?:True|False|None|not|lambda|and|or)\b) [A-Za-z_][\w.]*+
        (?:\([^()'"\[{\n]*+\))?+ )*+
    [ \t]*+ (?:\#.*+)?
    """,
    re.X,
)
_CONSTANT = re.compile(r"\(([\w.]+),\s*\1\s*[,)]|\bassert\s+([\w.]+)\s*(?:==|is|<=|>=)\s*\2\b|\blen\(.*>=\s*0")
_DOCSTRING = re.compile(
    r'\s*+(?:#[^\n]*+\s*+)*+[rR]?(?:"""(?:[^"\\]|"(?!""))*+"""|\'\'\'(?:[^\'\\]|\'(?!\'\'))*+\'\'\')'
)
# In a test of `__eq__` or `__hash__`, what compares a thing with itself checks that.
_OF_EQUALITY = re.compile(r"eq|hash|same|identi|reflexiv|compar|nan|order", re.I)
_CHECKING_FIXTURES = re.compile(r"snapshot|_regression\Z|\Abenchmark\Z")
_VERDICTS = frozenset({"isinstance", "all", "any", "bool", "callable", "hasattr", "issubclass"})


def cannot_fail(source: SourceFile) -> Iterator[RuleFinding]:
    """Yield what no state of the code under test can turn red, as far as this file says."""
    helpers = Helpers(source)
    doubtful = [text for text in _DOUBTFUL if text in source.text]
    for test in source.tests:
        if is_skipped(test.node) or (test.owner is not None and is_skipped(test.owner)):
            continue
        if "abstractmethod" in marks(test.node.decorator_list) or _surely_fine(source, test.node, doubtful):
            continue
        if (exact := source.exact(test.node)) is not None:
            yield from _check_test(source, helpers, test, exact)
    yield from helpers.never_raising()
    yield from helpers.never_raising_elsewhere()


def _surely_fine(source: SourceFile, node: Def, doubtful: Sequence[str] = _DOUBTFUL) -> bool:
    """Whether nothing can be found in a test: told by its text alone, and never by mistake."""
    if (body := source.body(node)) is None:
        return False
    if docstring := _DOCSTRING.match(body):
        body = body[docstring.end() :]
    if any(text in body for text in doubtful) or ("return" in body and _RETURN.search(body)):
        return False
    either = _OR.search(body) is not None
    last = max(body.rfind("assert"), body.rfind("raises("))
    if last < 0:
        return False
    # Nearly always the last one is as good as any.
    found = _SURE.match(body, body.rfind("\n", 0, last))
    if found and _is_sure(body, found, either=either):
        return True
    return any(_is_sure(body, found, either=either) for found in _SURE.finditer(body))


def _is_sure(body: str, found: re.Match[str], *, either: bool) -> bool:
    """Whether an assertion may come out either way; `either` is whether there is an `or` anywhere."""
    line = body[found.start() : body.find("\n", found.end()) % (len(body) + 1)]
    return _CONSTANT.search(line) is None and (not either or _is_open(line))


def _is_open(line: str) -> bool:
    """Whether an assertion that starts on a line has no `or` that could make it hold always."""
    code = _STRING.sub("", line).partition("#")[0]
    if _OR.search(code):
        return _EITHER.fullmatch(line) is not None
    whole = all(code.count(left) == code.count(right) for left, right in ("()", "[]", "{}"))
    return whole and '"' not in code and "'" not in code


def _check_test(source: SourceFile, helpers: Helpers, test: Test, exact: Def) -> Iterator[RuleFinding]:
    line, name = test.node.lineno, test.name
    if _is_empty(exact):
        yield RuleFinding(line, "empty-body", name, "has nothing in it")
        return
    inside = [n for s in exact.body for n in ast.walk(s)]
    kinds = {type(n) for n in inside}
    if not kinds.isdisjoint({ast.Yield, ast.YieldFrom}) and _makes_generator(source, test, exact):
        yield RuleFinding(line, "yield-test", name, "has a yield: its body does not run")
        return
    if not kinds.isdisjoint({ast.Try, ast.TryStar, ast.With, ast.AsyncWith}):
        yield from swallowing(inside, line, name)
    returned = next(_verdicts(exact), None) if ast.Return in kinds else None
    if returned is not None and not _is_compared(test.node):
        yield RuleFinding(returned.lineno, "returned-check", name, "returns its verdict: pytest ignores it", line)
    elif returned is None:
        yield from _assertions(helpers, test, inside)


def _makes_generator(source: SourceFile, test: Test, exact: Def) -> bool:
    """Whether a call of a test runs nothing, and neither a decorator nor a base from elsewhere may change that."""
    of_elsewhere = test.owner is not None and source.base(test.owner) == BaseKind.UNKNOWN
    return not of_elsewhere and not test.node.decorator_list and _yields(exact)


def _assertions(helpers: Helpers, test: Test, inside: list[ast.AST]) -> Iterator[RuleFinding]:
    """Yield what is wrong with the assertions of a test taken together."""
    line, name = test.node.lineno, test.name
    verdicts = [(n, asserts(n)) for n in inside]
    constant = [n for n, can_fail in verdicts if can_fail is False]
    for node in constant:
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Tuple):
            message = "asserts a tuple, which is always true: no brackets before the message"
            yield RuleFinding(node.lineno, "constant-assertion", name, message, line)
            return
    if any(can_fail for _, can_fail in verdicts) or _checks_otherwise(test.node) or helpers.check(test, inside):
        return
    what = name.replace("::", ".")
    if not constant:
        message = "asserts nothing: it fails only when something raises"
        yield RuleFinding(line, "no-assertion", name, message, ask=PendingCheck.CHECKS, what=what)
    elif not (_OF_EQUALITY.search(name.rpartition("::")[2]) and _compares(constant[0])):
        message = "what it asserts always holds"
        place = getattr(constant[0], "lineno", line)
        yield RuleFinding(place, "constant-assertion", name, message, line, PendingCheck.CHECKS, what)


def _compares(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)


def _is_empty(node: Def) -> bool:
    """Whether a body has only `pass`, `...` and texts, none of them a doctest."""
    for statement in node.body:
        match statement:
            case ast.Pass():
                continue
            case ast.Expr(value=ast.Constant(value=value)):
                if isinstance(value, str) and ">>>" in value:
                    return False
            case _:
                return False
    return True


def _own(node: Def) -> Iterator[ast.AST]:
    """Yield the nodes of a function that are in no function inside of it."""
    queue: list[ast.AST] = list(node.body)
    while queue:
        inner = queue.pop()
        yield inner
        if not isinstance(inner, (*DEF_TYPES, ast.Lambda, ast.ClassDef)):
            queue += ast.iter_child_nodes(inner)


def _yields(node: Def) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in _own(node))


def _verdicts(node: Def) -> Iterator[ast.Return]:
    """Yield the returns of something true or false."""
    for inner in _own(node):
        match inner:
            case ast.Return(
                value=ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Constant(True | False)
            ):
                yield inner
            case ast.Return(value=ast.Call(func=ast.Name(name))) if name in _VERDICTS:
                yield inner
            case _:
                pass


def _is_compared(node: Def) -> bool:
    """Whether a decorator looks at what the test returns, as those that compare images do."""
    return any(is_check_name(name) for name in marks(node.decorator_list) if name)


def _checks_otherwise(node: Def) -> bool:
    """Whether a decorator or a fixture checks: an image that is compared, a warning that fails, a snapshot."""
    for decorator in node.decorator_list:
        names = {last_name(n) for n in ast.walk(called(decorator)) if isinstance(n, ast.expr)}
        if (
            any(is_check_name(n) or "comparison" in n for n in names - {"", "pytest", "mark"})
            or "expectedFailure" in names
        ):
            return True
        if isinstance(decorator, ast.Call):
            if is_check(decorator):
                return True
            if "xfail" in names and {k.arg for k in decorator.keywords} & {"raises", "strict"}:
                return True
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return any(_CHECKING_FIXTURES.search(a.arg) or promises_check(a.arg) for a in arguments)
