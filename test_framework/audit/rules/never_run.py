"""What pytest will not run: no tests, tests where it does not look, and tests that another definition hides."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.function_uses import imported
from test_framework.audit.rules.pending import PendingCheck
from test_framework.audit.rules.source_file import DEF_TYPES, BaseKind, block, called, is_fixture, last_name, marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.source_file import Def, SourceFile

_NESTED = re.compile(r"\n[ \t]+(?:async[ \t]+def|def|class)[ \t]+(\w+)")
_MAKERS = frozenset({"globals", "locals", "vars", "setattr", "exec", "type", "load_tests"})
_DATA_CLASSES = frozenset({"dataclass", "define", "frozen", "attrs", "s", "mutable"})
# Decorators that keep what they decorate where it is, so that a second definition is no part of the first.
_QUIET = frozenset({"parametrize", "skip", "skipif", "xfail", "usefixtures", "asyncio", "anyio", "patch", "given"})


def never_run(source: SourceFile) -> Iterator[RuleFinding]:
    """Yield what this file defines and pytest does not run."""
    if source.off:
        return
    if not source.tests and not _unknown_tests(source):
        message, names = "pytest collects nothing from this file", " ".join(_imported(source))
        yield RuleFinding(1, "no-test", "", message, ask=PendingCheck.TESTS if names else None, what=names)
    yield from _fixtures(source)
    yield from _classes(source)
    for body in (source.tree.body, *(c.body for c in source.classes.values())):
        yield from _shadowed(source, body)
    yield from _parametrized(source)
    for function in _all_functions(source):
        yield from _nested(source, function)


def _all_functions(source: SourceFile) -> list[Def]:
    found: list[Def] = []
    queue = list(source.statements)
    for node in queue:
        if isinstance(node, ast.ClassDef):
            queue += block(node.body)
        elif isinstance(node, DEF_TYPES):
            found.append(node)
    return found


def _unknown_tests(source: SourceFile) -> bool:
    """Whether tests may come from elsewhere: imports, assignments, or names made while the module runs."""
    wanted = (source.patterns.is_class, source.patterns.is_function)
    for statement in source.statements:
        match statement:
            case ast.ImportFrom(names=names) if any(alias.name == "*" for alias in names):
                return True
            case ast.Assign(targets=targets):
                # A literal is no test, whatever its name.
                literal = isinstance(statement.value, (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set))
                assigned = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                if not literal and any(is_wanted(name) for name in assigned for is_wanted in wanted):
                    return True
            case ast.ClassDef() if source.base(statement) == BaseKind.UNKNOWN:
                # Its base may be a case of unittest, which is collected whatever its name.
                return True
            case _:
                pass
    used = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)} | source.functions.keys()
    return not used.isdisjoint(_MAKERS)


def _imported(source: SourceFile) -> list[str]:
    """Return the names from other files that may be tests."""
    bound = (name for s in source.statements if isinstance(s, ast.ImportFrom) for name, _ in imported(s))
    return [name for name in bound if source.patterns.is_class(name) or source.patterns.is_function(name)]


def _fixtures(source: SourceFile) -> Iterator[RuleFinding]:
    for body in (source.statements, *(c.body for c in source.classes.values())):
        for node in body:
            if isinstance(node, DEF_TYPES) and is_fixture(node) and source.patterns.is_function(node.name):
                message = f"{node.name} is a fixture: pytest does not run it as a test"
                yield RuleFinding(node.lineno, "fixture-named-test", node.name, message)


def _classes(source: SourceFile) -> Iterator[RuleFinding]:
    for node in source.classes.values():
        if source.base(node) != BaseKind.PLAIN or not source.patterns.is_class(node.name) or source.off:
            continue
        lost = [m.name for m in source.methods(node).values() if source.is_test(m)]
        init = source.has_init(node)
        made = init.name if init is not None else "__init__" if marks(node.decorator_list) & _DATA_CLASSES else ""
        if lost and made and not any(isinstance(s, ast.Assign) and _is_off(s) for s in node.body):
            message = f"{node.name} has {made}: pytest does not collect its {len(lost)} tests"
            line = init.lineno if init is not None and init in node.body else node.lineno
            yield RuleFinding(line, "class-with-init", node.name, message, node.lineno)


def _is_off(statement: ast.Assign) -> bool:
    return any(last_name(t) == "__test__" for t in statement.targets)


def _shadowed(source: SourceFile, body: list[ast.stmt]) -> Iterator[RuleFinding]:
    """Yield the tests that are defined again further down in the same block, with no use of the first between."""
    defined: dict[str, list[int]] = {}
    for number, statement in enumerate(body):
        if isinstance(statement, ast.ClassDef):
            holds = any(isinstance(m, DEF_TYPES) and source.patterns.is_function(m.name) for m in statement.body)
            if not (holds and source.patterns.is_class(statement.name)):
                continue
        elif not isinstance(statement, DEF_TYPES) or not source.patterns.is_function(statement.name):
            continue
        if marks(statement.decorator_list) <= _QUIET:
            defined.setdefault(statement.name, []).append(number)
    for name, numbers in defined.items():
        for first, second in pairwise(numbers):
            between = body[first + 1 : second]
            again = body[second]
            decorators = again.decorator_list if isinstance(again, (*DEF_TYPES, ast.ClassDef)) else []
            bases = again.bases if isinstance(again, ast.ClassDef) else []
            used = (n for s in (*between, *decorators, *bases) for n in ast.walk(s) if isinstance(n, ast.Name))
            if all(n.id != name for n in used):
                line = getattr(body[first], "lineno", 1)
                message = f"defined again in line {again.lineno}: only that one runs"
                yield RuleFinding(line, "shadowed", name, message)


def _parametrized(source: SourceFile) -> Iterator[RuleFinding]:
    for test in source.tests:
        for decorator in test.node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(attr="parametrize"), args=[_, ast.List(elts=[]) | ast.Tuple(elts=[])]):
                    message = "parametrized with no value: pytest skips it"
                    yield RuleFinding(decorator.lineno, "empty-parametrize", test.name, message, test.node.lineno)
                case _:
                    pass


def _nested(source: SourceFile, function: Def) -> Iterator[RuleFinding]:
    """Yield the tests inside a function that nothing there uses."""
    if (text := source.body(function)) is not None and not (source.may_nest and _may_nest(source, text)):
        return
    if (exact := source.exact(function)) is None:
        return
    inside = list(ast.walk(exact))
    used = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    used |= {n for s in inside if isinstance(s, (ast.Global, ast.Nonlocal)) for n in s.names}
    if not used.isdisjoint({"locals", "vars", "exec"}):
        return
    for node in inside:
        if node is exact or not isinstance(node, (*DEF_TYPES, ast.ClassDef)) or node.name in used:
            continue
        if isinstance(node, ast.ClassDef):
            methods = [m for m in node.body if isinstance(m, DEF_TYPES) and source.patterns.is_function(m.name)]
            lost = bool(methods) and source.patterns.is_class(node.name) and not node.decorator_list
        else:
            lost = _is_lost(source, node, inside)
        if lost:
            message = f"{node.name} stands inside {function.name}: pytest does not see it, and nothing calls it"
            yield RuleFinding(node.lineno, "nested-test", node.name, message, function.lineno)


def _may_nest(source: SourceFile, body: str) -> bool:
    """Whether a body may hold a test, by its text."""
    if "def " not in body and "class " not in body:
        return False
    return any(source.patterns.is_function(n) or source.patterns.is_class(n) for n in set(_NESTED.findall(body)))


def _is_lost(source: SourceFile, node: Def, inside: list[ast.AST]) -> bool:
    """Whether a function inside another is a test by its name, and neither a method nor handed to a decorator."""
    if not source.patterns.is_function(node.name) or is_fixture(node):
        return False
    if any(isinstance(c, ast.ClassDef) and node in c.body for c in inside):
        return False
    return all(
        "mark" in {last_name(n) for n in ast.walk(called(d)) if isinstance(n, ast.expr)} for d in node.decorator_list
    )
