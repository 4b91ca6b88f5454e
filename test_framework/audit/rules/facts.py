"""What other files need to know of one file: its names, and what its functions use.

The table of names comes from the skeleton; a function is parsed when it is needed.
"""

from __future__ import annotations

import ast
import marshal
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from test_framework.audit.rules.checking import promises_check
from test_framework.audit.rules.function_use import FunctionUse, joined
from test_framework.audit.rules.function_uses import dotted, imported, use_of
from test_framework.audit.rules.helpers import can_raise
from test_framework.audit.rules.source_file import DEF_TYPES, block, called, is_fixture, last_name, marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.function_use import Target
    from test_framework.audit.rules.source_file import Def, SourceFile

_TESTING = frozenset({"pytest", "_pytest", "unittest", "hypothesis", "nose", "testtools", "pytest_asyncio"})
_MAKES_NAMES = frozenset({"globals", "exec", "vars", "setattr"})
# Decorators under which a method or a function is still the one that is written.
_PLAIN = frozenset({"staticmethod", "classmethod", "final", "override"})
_TEST_FOLDER = re.compile(r"(?:\A|[/_.])(?:tests?|testing|conftest)(?=[/_.]|\Z)")


class NameTable(NamedTuple):
    """The names of one file; classes in classes are named with dots."""

    imports: dict[str, tuple[Target, ...]]
    stars: tuple[tuple[str, int], ...]
    functions: tuple[str, ...]
    classes: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # bases, empty for what is no name; methods
    fixtures: dict[str, str]  # by the name that tests use, the function or the method
    values: dict[str, tuple[str, ...]]  # the dotted names in what is assigned
    plugins: tuple[str, ...]  # what `pytest_plugins` names
    is_test_support: bool  # whether it is there for tests, not part of what they test
    opens: bool  # whether it may have names that nobody can know


class Facts:
    """Reads one file.

    Args:
        source: It.
        path: Relative to the audited root.
        is_test_support: Whether it is surely there for tests: one of them.
    """

    def __init__(self, source: SourceFile, path: str, *, is_test_support: bool = False) -> None:
        self.source = source
        self.nodes: dict[str, list[Def]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.table = self._table(
            is_test_support=is_test_support or _TEST_FOLDER.search(path.removesuffix(".py")) is not None
        )

    def use(self, name: str) -> FunctionUse | None:
        """Return what a function or `Class.method` uses; None when there is none, or it does not parse."""
        found = []
        for node in self.nodes.get(name, ()):
            exact = self.source.exact(node)
            if exact is None:
                return None
            # What a decorator makes of it, nobody knows.
            simple = marks(node.decorator_list) <= _PLAIN
            raises = not (simple and promises_check(node.name)) or can_raise(exact)
            found.append(use_of(exact, node.decorator_list, raises=raises))
        return joined(found)

    def reached(self, names: list[str]) -> dict[str, FunctionUse]:
        """Return what these functions use, and those of this file that they lead to."""
        found: dict[str, FunctionUse] = {}
        queue = list(names)
        while queue:
            name = queue.pop()
            if name in found or (use := self.use(name)) is None:
                continue
            found[name] = use
            owner = name.rpartition(".")[0]
            queue += [f for f in (*use.names, *use.params) if f in self.nodes]
            queue += [f"{family}.{own}" for own in use.own for family in self._family(owner)]
            queue += [f"{c}.{m}" for c in use.names if c in self.classes for m in self.table.classes[c][1]]
        return found

    def _family(self, name: str) -> list[str]:
        family = [name] if name in self.table.classes else []
        for member in family:
            family += [b for b in self.table.classes[member][0] if b in self.table.classes and b not in family]
        return family

    # -- the table -------------------------------------------------------------------------------

    def _table(self, *, is_test_support: bool) -> NameTable:
        imports: dict[str, tuple[Target, ...]] = {}
        stars: list[tuple[str, int]] = []
        values: dict[str, tuple[str, ...]] = {}
        plugins: list[object] = []
        for statement in self.source.statements:
            if isinstance(statement, ast.ImportFrom) and any(a.name == "*" for a in statement.names):
                stars.append((statement.module or "", statement.level))
            for name, target in imported(statement):
                imports[name] = (*imports.get(name, ()), target)
            for name, value in _assigned(statement):
                found = (dotted(n) for n in ast.walk(value))
                values[name] = tuple(dict.fromkeys([*values.get(name, ()), *filter(None, found)]))
                if name == "pytest_plugins":
                    plugins += [n.value for n in ast.walk(value) if isinstance(n, ast.Constant)]
        self._functions(self.source.statements, "")
        return NameTable(
            imports=imports,
            stars=tuple(stars),
            functions=tuple(name for name in self.nodes if "." not in name),
            classes={name: (_bases(node), self._methods(name)) for name, node in self.classes.items()},
            fixtures=dict(self._fixtures()),
            values=values,
            plugins=tuple(plugin for plugin in plugins if isinstance(plugin, str)),
            is_test_support=is_test_support or _is_testing(imports, stars),
            opens=self._opens(),
        )

    def _functions(self, statements: list[ast.stmt], prefix: str) -> None:
        for statement in statements:
            if isinstance(statement, DEF_TYPES):
                self.nodes.setdefault(prefix + statement.name, []).append(statement)
            elif isinstance(statement, ast.ClassDef):
                self.classes[prefix + statement.name] = statement
                self._functions(list(block(statement.body)), f"{prefix}{statement.name}.")

    def _methods(self, name: str) -> tuple[str, ...]:
        return tuple(n.rpartition(".")[2] for n in self.nodes if n.rpartition(".")[0] == name)

    def _fixtures(self) -> Iterator[tuple[str, str]]:
        for name, nodes in self.nodes.items():
            for node in nodes:
                if is_fixture(node):
                    given = (k.value for d in node.decorator_list if isinstance(d, ast.Call) for k in d.keywords
                             if k.arg == "name")  # fmt: skip
                    renamed = next((v.value for v in given if isinstance(v, ast.Constant)), node.name)
                    yield str(renamed), name

    def _opens(self) -> bool:
        if "__getattr__" in self.nodes:
            return True
        calls = (s.value for s in self.source.statements if isinstance(s, ast.Expr))
        used = {last_name(called(n)) for c in calls for n in ast.walk(c) if isinstance(n, ast.Call)}
        return not used.isdisjoint(_MAKES_NAMES) or "globals()" in self.source.text


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that an assignment binds, with what is assigned."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            yield from ((n.id, value) for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
            yield name, value
        case _:
            pass


def _bases(node: ast.ClassDef) -> tuple[str, ...]:
    return tuple(dotted(b.value if isinstance(b, ast.Subscript) else b) for b in node.bases)


def _is_testing(imports: dict[str, tuple[Target, ...]], stars: list[tuple[str, int]]) -> bool:
    modules = {module for targets in imports.values() for module, level, _ in targets if not level}
    modules |= {module for module, level in stars if not level}
    return any(m.partition(".")[0] in _TESTING or m.endswith(".testing") for m in modules)


def packed_facts(table: NameTable, uses: dict[str, FunctionUse]) -> bytes:
    """Return both as an entry of the cache has them."""
    return marshal.dumps((tuple(table), {name: tuple(use) for name, use in uses.items()}))


def unpacked_facts(data: bytes) -> tuple[NameTable, dict[str, FunctionUse]]:
    """Return what was packed."""
    table, uses = marshal.loads(data)  # noqa: S302  # our own file
    fields: dict[str, Any] = uses
    return NameTable(*table), {name: FunctionUse(*use) for name, use in fields.items()}
