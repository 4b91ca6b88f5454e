"""Finds the names that the modules of an environment have: they are read on demand, and never run."""

from __future__ import annotations

import ast
import os
import re
from typing import TYPE_CHECKING

from test_framework.audit.source.operations import Op, bound_names, flat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.audit.source.operations import Operation, Summary
    from test_framework.suite.module_finder import ModuleFinder, ModuleSpec

# A module with one of these in it may make names and modules in ways that only its own code knows.
_DYNAMIC = (
    b"sys.modules",
    b"meta_path",
    b"__path__ =",
    b"__path__.",
    b"globals()",
    b"vars()",
    b"exec(",
    b"lazy",
    b"global_enum",
)
_DEEPEST = 20
_MODULES = re.compile(rb"sys\.modules\[[^]\n]*\][ \t]*=[^=]|sys\.modules\.(?:update|setdefault)|meta_path")


# Imports at the start of a line run whatever happens; those in a `try` or under a condition are indented.
_IMPORTS = re.compile(
    rb"^(?:import[ \t]+([\w., \t]+)|from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(?:\(([^()]*)\)|([\w, \t]+|\*)))",
    re.M,
)


class LibraryNames:
    """The names of one module; `opaque` when there may be others."""

    __slots__ = ("names", "opaque")

    def __init__(self, names: set[str], *, opaque: bool) -> None:
        self.names = names
        self.opaque = opaque


class Library:
    """Reads modules on demand.

    Args:
        finder: Finds a module in folders.
        read: Gives the summary of a file.
        find: Finds a module by its whole name.
        standard: The folder of the standard library, which is taken to be whole.
    """

    def __init__(
        self,
        finder: ModuleFinder,
        read: Callable[[str], Summary | None],
        find: Callable[[str], ModuleSpec | None],
        standard: str,
    ) -> None:
        self.finder = finder
        self.read = read
        self.find = find
        self.standard = f"{standard}/"
        self.known: dict[str, LibraryNames] = {}
        self.lacking: dict[str, str] = {}

    def exports(self, path: str, package: str, depth: int = 0) -> LibraryNames:
        """Return the names of the module in a file."""
        found = self.known.get(path)
        if found is None:
            # A module that imports itself has the names that it has without that.
            self.known[path] = LibraryNames(set(), opaque=True)
            found = self.known[path] = self._exports(path, package, depth)
        return found

    def _exports(self, path: str, package: str, depth: int) -> LibraryNames:
        if not path.endswith(".py") or depth > _DEEPEST or (_dynamic(path) and not self.is_standard(path)):
            return LibraryNames(set(), opaque=True)
        summary = self.read(path)
        if summary is None or summary.error:
            return LibraryNames(set(), opaque=True)
        names = bound_names(summary.block) | set(summary.global_names)
        opaque = summary.opens or _dynamic(path) or self._replaces(path, summary)
        if "__getattr__" in names:
            answers = _answers(path)
            names |= answers or set()
            opaque = answers is None
        for operation in flat(summary.block):
            is_open = operation[0] in (Op.OPEN, Op.HAND, Op.EXEC, Op.STUB)
            if is_open or (operation[0] == Op.SET_ATTRIBUTE and not operation[3]):
                opaque = True
            elif operation[0] == Op.FROM and operation[3][0][0] == "*":
                inner = self._star(operation, package, depth)
                names |= inner.names
                opaque = opaque or inner.opaque
        return LibraryNames(names, opaque=opaque)

    def is_standard(self, path: str) -> bool:
        """Whether a file belongs to the standard library."""
        return path.startswith(self.standard) and "-packages/" not in path

    def _replaces(self, path: str, summary: Summary) -> bool:
        """Whether a package, by a module that it imports from itself, puts something else in its own place."""
        if not path.endswith("/__init__.py"):
            return False
        folder = os.path.dirname(path)
        for operation in summary.block:
            if operation[0] == Op.FROM and operation[2] == 1:
                inner = [operation[1].partition(".")[0]] if operation[1] else [name for name, *_ in operation[3]]
                if any(_writes_modules(f"{folder}/{name}.py") for name in inner):
                    return True
        return False

    # -- whether a module of the environment can be imported itself ------------------------------

    def missing(self, spec: ModuleSpec) -> str:
        """Return the module that is not there and without which this one cannot be imported; "" when all are."""
        found = self.lacking.get(spec.path)
        if found is None:
            self.lacking[spec.path] = ""
            found = self.lacking[spec.path] = self._missing(spec)
        return found

    def _missing(self, spec: ModuleSpec) -> str:
        if not spec.path.endswith(".py") or spec.path.startswith(self.standard):
            return ""
        package = spec.name if spec.locations is not None else spec.name.rpartition(".")[0]
        for name, level, names in _required(spec.path):
            whole = _absolute(name, level, package) if level else name
            lacking = self._missing_in(whole, names) if whole else ""
            if lacking and self._really(spec.path, name, level):
                return lacking
        return ""

    def _missing_in(self, name: str, names: list[str]) -> str:
        parts = name.split(".")
        spec: ModuleSpec | None = None
        for count in range(1, len(parts) + 1):
            spec = self.find(".".join(parts[:count]))
            if spec is None:
                return parts[0] if count == 1 else ""
            if spec.opaque:
                return ""
            lacking = self.missing(spec) if spec.path else ""
            if lacking:
                return lacking
        locations = (spec and spec.locations) or ()
        for inner in names:
            if any(inner in self.finder.listing(folder).modules for folder in locations):
                found = self.finder.find(f"{name}.{inner}", locations)
                lacking = self.missing(found) if found and found.path else ""
                if lacking:
                    return lacking
        return ""

    def _really(self, path: str, name: str, level: int) -> bool:
        """Whether the module imports this, and not only a text in it says so."""
        summary = self.read(path)
        for operation in summary.block if summary else ():
            if operation[0] == Op.SKIP:
                return False
            if operation[0] == Op.IMPORT and operation[1] == name and not level:
                return True
            if operation[0] == Op.FROM and operation[1:3] == (name, level):
                return True
        return False

    def _star(self, operation: Operation, package: str, depth: int) -> LibraryNames:
        _, name, level, *_ = operation
        if level:
            name = _absolute(name, level, package)
        spec = self.find(name)
        if spec is None or spec.opaque or not spec.path:
            return LibraryNames(set(), opaque=True)
        inner = name if spec.locations is not None else name.rpartition(".")[0]
        return self.exports(spec.path, inner, depth + 1)


def _absolute(name: str, level: int, package: str) -> str:
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}" if name else base


def _required(path: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield what a file imports whatever happens: name, level and the names taken from it."""
    try:
        with open(path, "rb") as file:  # thousands of these
            data = file.read()
    except OSError:
        return
    for plain, dots, source, many, few in _IMPORTS.findall(data):
        if plain:
            yield from ((part.split()[0], 0, []) for part in plain.decode().split(",") if part.strip())
        else:
            lines = (line.partition(b"#")[0] for line in (many or few).splitlines())
            names = [part.split()[0] for part in b" ".join(lines).decode("utf-8", "replace").split(",") if part.split()]
            yield source.decode(), len(dots), names


def _answers(path: str) -> set[str] | None:
    """Return the names that a module's `__getattr__` knows, where it compares with nothing else; None for any."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__getattr__":
            *tests, last = function.body
            if not isinstance(last, ast.Raise) or not all(isinstance(t, ast.If) and not t.orelse for t in tests):
                return None
            conditions = [t.test for t in tests if isinstance(t, ast.If)]
            if not all(isinstance(c, ast.Compare) and isinstance(c.ops[0], ast.Eq | ast.In) for c in conditions):
                return None
            inside = [n for c in conditions if isinstance(c, ast.Compare) for n in ast.walk(c.comparators[0])]
            if any(isinstance(n, ast.Name | ast.Attribute | ast.Call) for n in inside):
                return None
            return {n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return None


def _dynamic(path: str) -> bool:
    data = _data(path)
    return data is None or (any(word in data for word in _DYNAMIC) and os.path.basename(path) != "os.py")


def _writes_modules(path: str) -> bool:
    data = _data(path)
    return data is not None and _MODULES.search(data) is not None


def _data(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # thousands of these
            return file.read()
    except OSError:
        return None
