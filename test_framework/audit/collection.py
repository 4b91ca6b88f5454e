"""Collects the test files in a simulated pytest session, and describes what cannot be imported and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.audit.imports.environment import declared, installed
from test_framework.audit.imports.import_runner import ImportRunner
from test_framework.audit.imports.interpreter import Interpreter
from test_framework.audit.imports.modules import FileSkipped, ImportedModule
from test_framework.audit.imports.search import ProjectLayout
from test_framework.audit.imports.session import CollectionSession
from test_framework.audit.imports.suggestions import Suggestions
from test_framework.audit.source.operations import Op
from test_framework.config import BadSetting, Packages
from test_framework.suite.requirements import declared_names
from test_framework.suite.source import decode_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.audit.imports.modules import ImportFault
    from test_framework.audit.options import AuditOptions
    from test_framework.audit.store import FileStore
    from test_framework.suite.module_finder import ModuleFinder
    from test_framework.suite.pytest_settings import PytestSettings

_BY_PLACE = ("undefined-name", "relative-import", "raises")  # kinds that say nothing without the place
_SETTINGS = "pyproject.toml"


class Collection:
    """One collection; `files` are the test files in order, `complete` is False if the time ran out."""

    def __init__(self, store: FileStore, finder: ModuleFinder, settings: PytestSettings, options: AuditOptions) -> None:
        self.store = store
        self.tree = tree = store.tree
        self.root = Path(tree.root)
        project = ProjectLayout(tree.root, self._own(), lambda name: tree.folders.get(name, []))
        environment = installed(options.python)
        environment = declared(self.root, environment) if options.packages is Packages.DECLARED else environment
        self.interpreter = Interpreter(project, finder, environment, store.summary, self._source)
        self.settings = settings
        self.files: tuple[str, ...] = ()
        self.faults: dict[str, list[ImportFault]] = {}
        self.complete = True

    def _source(self, path: str) -> str:
        """Return the text of a file whose functions are followed: what they do is in no summary."""
        # So that the outcome holds only as long as the file does.
        self.store.libraries.add(path)
        try:
            return decode_source(Path(path).read_bytes())
        except (OSError, SyntaxError, LookupError):
            return ""

    def _own(self) -> tuple[str, ...]:
        """Return where the project's packages lie: they count as installed, whether they are or not."""
        inner = (str(self.root / name) for name in ("src", "lib") if (self.root / name).is_dir())
        return (*inner, str(self.root))

    def run(self, paths: Sequence[str], deadline: float | None, tick: Callable[[int], None]) -> None:
        """Collect what pytest would, given these paths."""
        session = CollectionSession(self.tree, self.interpreter, self.settings, deadline)
        session.run(paths, tick)
        self.complete = not session.timed_out
        self.files = tuple(session.files)
        self.faults = dict(sorted(session.broken.items()))

    def broken(self) -> Iterator[tuple[str, tuple[tuple[str, str, int, str], ...]]]:
        """Yield the files that cannot be imported with the fields of `Cited` for each cause."""
        relative = self.tree.relative
        for path, faults in self.faults.items():
            cited = ((f.kind, f.target, f.line, "" if f.path == path else relative(f.path)) for f in faults)
            yield relative(path), tuple(cited)

    def causes(self) -> Iterator[tuple[str, str, str, int, tuple[str, ...], str, str]]:
        """Yield the fields of `Cause`, those that break most first."""
        groups: dict[tuple[str, ...], tuple[ImportFault, dict[str, None]]] = {}
        for path, faults in self.faults.items():
            for fault in faults:
                place = (fault.path,) if fault.kind in _BY_PLACE else ()
                groups.setdefault((fault.kind, fault.target, *place), (fault, {}))[1][path] = None
        if not groups:
            return
        suggestions = self._suggestions()
        relative = self.tree.relative
        for fault, files in sorted(groups.values(), key=lambda g: (-len(g[1]), g[0].kind, g[0].target)):
            broken = tuple(map(relative, files))
            advice = suggestions.of(fault), fault.message
            yield fault.kind, fault.target, relative(fault.path), fault.line, broken, *advice

    def _suggestions(self) -> Suggestions:
        own = sorted({*self.interpreter.own, *self.interpreter.path}, key=len, reverse=True)
        tests = frozenset(self.files)
        names, summaries = {}, {}
        for path in self.tree.python:
            if path in tests or path.endswith("/conftest.py"):
                continue
            base = next((o for o in own if path.startswith(f"{o}/")), str(self.root))
            name = path[len(base) + 1 : -len(".py")].removesuffix("/__init__").replace("/", ".")
            summary = self.store.summary(path)
            if summary is not None:
                names[path], summaries[path] = name, summary
        return Suggestions(self.interpreter, summaries, names, declared_names(self.root))

    def critical(self, names: Sequence[str]) -> Iterator[tuple[str, int, str, str, str]]:
        """Yield the critical modules and names that are not there, as the fields of `Finding`.

        Raises:
            BadSetting: One is neither a module nor a name of a module.
        """
        for wanted in names:
            name, colon, member = wanted.partition(":")
            if not all(part.isidentifier() for part in (*name.split("."), *([member] if colon else []))):
                raise BadSetting.value("critical", wanted, "[tool.test_framework.audit]", "a module, or module:name")
            why = self._missing(name, member)
            if why:
                yield _SETTINGS, 1, "critical-missing", "", why

    def _missing(self, name: str, member: str) -> str:
        """Return why a module, or a name of it, cannot be imported; an empty text when it can."""
        importing = ImportRunner(self.interpreter, ImportedModule("", str(self.root / _SETTINGS)))
        try:
            if member:
                importing.from_((Op.FROM, name, 0, ((member, member, 1),), 1))
            else:
                importing.load(name, 1)
        except FileSkipped:
            return f"{name} skips itself"
        if not importing.faults:
            return ""
        first = importing.faults[0]
        if (first.kind, first.target) == ("missing-name", f"{name}.{member}"):
            return f"{name} has no {member}"
        return f"{name} cannot be imported: {first.kind} {first.target}"
