"""The functions of a test file that are no tests: whether they check, and whether those that promise it can raise."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING

from test_framework.audit.rules.checking import asserts, is_check_name, promises_check
from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.function_uses import dotted, imported
from test_framework.audit.rules.pending import PendingCheck
from test_framework.audit.rules.source_file import DEF_TYPES, is_fixture, last_name, marks
from test_framework.audit.rules.swallowing import hidden_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.audit.rules.function_use import Target
    from test_framework.audit.rules.source_file import Def, SourceFile, Test

# Calls that raise only for want of memory, and methods of texts, lists, mappings and loggers.
_HARMLESS = frozenset({
    "print", "len", "str", "repr", "isinstance", "bool", "hasattr", "all", "any", "set", "list", "dict", "tuple",
    "range", "enumerate", "zip", "type", "id", "get", "append", "lower", "upper", "strip", "startswith", "endswith",
    "items", "keys", "values", "format", "join", "split", "debug", "info", "warning", "error", "exception", "log",
    "add",
    "getLogger", "sorted",
})  # fmt: skip
# Nothing of theirs is the project's: to ask would be in vain.
_LIBRARIES = sys.stdlib_module_names | {"numpy", "pandas", "pytest", "mock"}
_PROMISE = re.compile(r"\n[ \t]+(?:await[ \t]+)?+((?:\w+\.)+_*(?:assert|check|verify|validate|ensure|expect)_\w*)\(")
_MARKS = (".assert_", ".check_", ".verify_", ".validate_", ".ensure_", ".expect_")


class Helpers:
    """The helpers of one file; each is examined once."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self._checks: dict[ast.AST, bool] = {}

    def check(self, test: Test, inside: list[ast.AST]) -> bool:
        """Whether something that a test uses checks: a helper, a fixture, a method, a class of this file."""
        methods = self.source.methods(test.owner) if test.owner else {}
        return any(self._used(n, methods) for n in inside) or self._fixtures(test, methods)

    def _used(self, node: ast.AST, methods: Mapping[str, Def]) -> bool:
        """Whether what one node names or calls checks."""
        match node:
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=ast.Name("self" | "cls") | ast.Call(func=ast.Name("super")), attr=name):
                return name in methods and self._function(methods[name])
            case _:
                return False

    def _fixtures(self, test: Test, methods: Mapping[str, Def]) -> bool:
        """Whether a fixture of this file, or what runs before and after each test of the class, checks."""
        arguments = {a.arg for a in (*test.node.args.args, *test.node.args.kwonlyargs)}
        for node in (*self.source.functions.values(), *methods.values()):
            around = node.name in {"setUp", "tearDown", "setup_method", "teardown_method", "asyncTearDown"}
            if (around or (is_fixture(node) and (node.name in arguments or _autouse(node)))) and self._function(node):
                return True
        return False

    def _named(self, name: str) -> bool:
        """Whether a function or a class of this file checks."""
        if name in self.source.functions:
            return self._function(self.source.functions[name])
        if name in self.source.classes:
            return any(self._function(m) for m in self.source.methods(self.source.classes[name]).values())
        return False

    def _function(self, node: Def) -> bool:
        if node not in self._checks:
            self._checks[node] = False  # what calls itself checks by something else
            self._checks[node] = self._can_fail(node)
        return self._checks[node]

    def _can_fail(self, node: Def) -> bool:
        exact = self.source.exact(node)
        if exact is None:
            return True
        inside = [n for s in exact.body for n in ast.walk(s)]
        if any(asserts(n) for n in inside):
            return True
        names = {n.id for n in inside if isinstance(n, ast.Name)}
        methods = {n.attr for n in inside if isinstance(n, ast.Attribute) and last_name(n.value) in {"self", "cls"}}
        owners = [c for c in self.source.classes.values() if node in c.body]
        return any(self._named(name) for name in names if name != node.name) or any(
            self._function(found) for c in owners for name, found in self.source.methods(c).items() if name in methods
        )

    def never_raising(self) -> Iterator[RuleFinding]:
        """Yield the helpers that promise to fail and cannot, where somebody relies on it."""
        source = self.source
        tests = {test.node for test in source.tests}
        owned: list[tuple[Def, ast.ClassDef | None]] = [(f, None) for f in source.functions.values()]
        owned += [(m, c) for c in source.classes.values() for m in c.body if isinstance(m, DEF_TYPES)]
        bases = {last_name(b) for c in source.classes.values() for b in c.bases}
        for node, owner in owned:
            if (
                node in tests
                or (owner is not None and owner.name in bases)  # a class of this file may have its own
                or not promises_check(node.name)
                or marks(node.decorator_list) & {"abstractmethod", "overload"}
            ):
                continue
            exact = source.exact(node)
            if exact is not None and not can_raise(exact) and self._is_relied_on(node.name):
                what = "hides every failure" if hidden_checks(exact) else "never raises"
                name = node.name if owner is None else f"{owner.name}.{node.name}"
                yield RuleFinding(
                    node.lineno, "helper-never-raises", node.name, f"{name} {what}: what calls it checks nothing"
                )

    def never_raising_elsewhere(self) -> Iterator[RuleFinding]:
        """Yield the first test that relies on each helper from another file: whether that can raise is seen there."""
        wanted = dict(self._promises())
        if not wanted:
            return
        lines = re.compile(rf"\n[ \t]+(?:await[ \t]+)?({'|'.join(map(re.escape, wanted))})\(")
        for test in self.source.tests:
            body = self.source.body(test.node)
            found = set(lines.findall(body)) if body is not None else wanted.keys()
            for name in sorted(found & wanted.keys()):
                exact = self.source.exact(test.node)
                line = _dropped(exact, name) if exact is not None else 0
                if line:
                    message = f"{name} never raises: what calls it checks nothing"
                    what = wanted.pop(name)
                    yield RuleFinding(
                        line, "helper-never-raises", test.name, message, test.node.lineno, PendingCheck.RAISES, what
                    )

    def _promises(self) -> Iterator[tuple[str, str]]:
        """Yield the names from other files that promise a check, with the module, the level and the name there."""
        modules: dict[str, Target] = {}
        for statement in self.source.statements:
            for name, target in imported(statement):
                module, level, there = target
                if not level and module.partition(".")[0] in _LIBRARIES:
                    continue
                modules[name] = target
                if there and promises_check(there):
                    yield name, f"{module} {level} {there}"
        text = self.source.text
        if modules and any(mark in text for mark in _MARKS):
            for found in set(_PROMISE.findall(text)):
                root, _, rest = found.partition(".")
                if root in modules and promises_check(rest.rpartition(".")[2]):
                    module, level, there = modules[root]
                    yield found, f"{module} {level} {there}{'.' if there else ''}{rest}"

    def _is_relied_on(self, name: str) -> bool:
        """Whether a call of it stands alone, with what it returns dropped; a name with `assert` needs no call."""
        if name.lstrip("_").startswith("assert"):
            return True
        if name not in self.source.text:
            return False
        for test in self.source.tests:
            body = self.source.body(test.node)
            exact = self.source.exact(test.node) if body is None or name in body else None
            if exact is not None and any(last_name(call.func) == name for call in _dropping(exact)):
                return True
        return False


def _dropping(node: Def) -> Iterator[ast.Call]:
    """Yield the calls in a function whose value nobody takes."""
    for statement in ast.walk(node):
        if isinstance(statement, ast.Expr):
            value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            if isinstance(value, ast.Call):
                yield value


def _dropped(node: Def, name: str) -> int:
    """Return the line in which a function calls something and drops its value; 0 when it does not."""
    return next((call.lineno for call in _dropping(node) if dotted(call.func) == name), 0)


def _autouse(node: Def) -> bool:
    return any(isinstance(d, ast.Call) and any(k.arg == "autouse" for k in d.keywords) for d in node.decorator_list)


def can_raise(node: Def) -> bool:
    """Whether a helper can raise: an assertion, a raise, or a call of something that may."""
    hidden = hidden_checks(node)
    wholly_caught = all(
        isinstance(s, (ast.Try, ast.Pass, ast.Return))
        or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in node.body
    )
    for inner in (n for s in node.body for n in ast.walk(s)):
        match inner:
            case _ if inner in hidden:
                continue
            case ast.Yield() | ast.YieldFrom() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return True
            case ast.Assert() | ast.Raise() if asserts(inner) is not False:
                return True
            case ast.Call():
                name = last_name(inner.func)
                if name not in _HARMLESS and not (hidden and wholly_caught and not is_check_name(name)):
                    return True
            case ast.Subscript(ctx=ast.Load()) | ast.With() | ast.AsyncWith() | ast.Await() if not hidden:
                # A key that is missing raises, and so does what is waited for.
                return not _returns_verdict(node)
            case _:
                pass
    return False


def _returns_verdict(node: Def) -> bool:
    return any(isinstance(n, ast.Return) and isinstance(n.value, (ast.Compare, ast.BoolOp)) for n in ast.walk(node))
