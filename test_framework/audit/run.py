"""One audit from beginning to end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.audit.cache import Cache
from test_framework.audit.discovery import walk
from test_framework.audit.environment import declared, declared_names, installed
from test_framework.audit.files import no_collection
from test_framework.audit.finder import Finder
from test_framework.audit.import_rules import ImportRules
from test_framework.audit.machine import Machine
from test_framework.audit.model import Audit, Broken, Cause, Cited, Compliance, Directory, Finding
from test_framework.audit.modules import Raised, Skipped
from test_framework.audit.pytest_settings import read_pytest_settings
from test_framework.audit.search import Project
from test_framework.audit.session import Session
from test_framework.audit.store import Store
from test_framework.audit.suggestions import Suggestions
from test_framework.audit.work import Job
from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.audit.modules import Fault
    from test_framework.config import Settings

__all__ = ["Asked", "audit"]

_DEEP = 100_000  # an import in an import in an import…
_BY_PLACE = ("undefined-name", "relative-import", "raises")  # kinds that say nothing without the place


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says beside the settings."""

    declared: bool = False  # ask what the project declares, not what is installed
    python: str = ""  # the interpreter whose installation counts; the running one when empty
    timeout: float = 0.0  # seconds; 0 for none
    cache: bool = True


def audit(
    root: Path,
    paths: Sequence[Path],
    settings: Settings,
    asked: Asked | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Audit:
    """Audit the tests of a project, without importing anything of it.

    Args:
        root: The project's folder, where pytest would be started.
        paths: Files and folders to look at; what pytest would by itself when empty.
        settings: The project's own, of which the audit's table and the tiers count.
        asked: What else was asked for.
        progress: Is called with what is being done and how much of it is done.

    Raises:
        BadSetting: A path is not there, or the project's settings of pytest cannot be read.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        with no_collection():
            return _Run(root.resolve(), paths, settings, asked or Asked()).result(progress)
    finally:
        sys.setrecursionlimit(before)


class _Run:
    def __init__(self, root: Path, paths: Sequence[Path], settings: Settings, asked: Asked) -> None:
        self.root = root
        self.settings = settings
        self.started = time.monotonic()
        self.deadline = self.started + asked.timeout if asked.timeout else None
        self.paths = [_there(root, p) for p in paths]
        self.pytest = read_pytest_settings(root, self.paths)
        self.rules = ImportRules.of(settings.audit)
        self.finder = Finder()
        self.tree = walk(str(root), self.finder, settings.audit.exclude)
        self.job = Job(
            root=str(root),
            python_files=self.pytest.python_files,
            python_classes=self.pytest.python_classes,
            python_functions=self.pytest.python_functions,
            rules=self.rules,
        )
        self.cache = Cache(str(root), repr(self.job), kept=asked.cache)
        self.store = Store(self.tree, self.cache, self.job)
        environment = installed(asked.python)
        project = Project(str(root), self._own(), lambda name: self.tree.folders.get(name, []))
        environment = declared(root, environment) if asked.declared else environment
        self.machine = Machine(project, self.finder, environment, self.store.summary)
        self.session = Session(self.tree, self.machine, self.pytest, self.deadline)

    def _own(self) -> tuple[str, ...]:
        """Return where the project's packages lie: they count as installed, whether they are or not."""
        inner = (str(self.root / name) for name in ("src", "lib") if (self.root / name).is_dir())
        return (*inner, str(self.root))

    def result(self, progress: Callable[[str, int], None] | None) -> Audit:
        """Do it."""
        told = progress or (lambda *_: None)
        complete = self.store.fill(self.deadline, lambda done: told("read", done))
        if complete:
            starts = [str(p) for p in self.paths] or list(self.pytest.testpaths) or [str(self.root)]
            self.session.run(starts, lambda done: told("imported", done))
            complete = not self.session.late
        critical = list(self._critical()) if complete else []
        self.cache.save()
        breaches = self._breaches()
        quality = self._quality()
        return Audit(
            files=len(self.session.files),
            modules=len(self.tree.python),
            seconds=round(time.monotonic() - self.started, 3),
            directories=tuple(self._directories()),
            broken=tuple(self._broken()),
            causes=tuple(self._causes()),
            empty=tuple(f.path for f in quality if f.rule == "no-test"),
            unreached=tuple(self._unreached()),
            quality=tuple(quality),
            imports=(*critical, *breaches),
            compliance=tuple(self._compliance(breaches)) if self.rules else (),
            left_out=self.tree.left_out(),
            unparseable=tuple(self._unparseable()),
            complete=complete,
        )

    # -- what cannot be imported -----------------------------------------------------------------

    def _broken(self) -> Iterator[Broken]:
        relative = self.tree.relative
        for path, faults in sorted(self.session.broken.items()):
            cited = (Cited(f.kind, f.target, f.line, "" if f.path == path else relative(f.path)) for f in faults)
            yield Broken(relative(path), tuple(cited))

    def _causes(self) -> Iterator[Cause]:
        groups: dict[tuple[str, ...], tuple[Fault, dict[str, None]]] = {}
        for path, faults in sorted(self.session.broken.items()):
            for fault in faults:
                place = (fault.path,) if fault.kind in _BY_PLACE else ()
                groups.setdefault((fault.kind, fault.target, *place), (fault, {}))[1][path] = None
        if not groups:
            return
        suggestions = self._suggestions()
        relative = self.tree.relative
        for fault, files in sorted(groups.values(), key=lambda g: (-len(g[1]), g[0].kind, g[0].target)):
            yield Cause(
                fault.kind,
                fault.target,
                relative(fault.path),
                fault.line,
                tuple(relative(f) for f in files),
                suggestions.of(fault),
                fault.message,
            )

    def _suggestions(self) -> Suggestions:
        own = sorted({*self.machine.own, *self.machine.path}, key=len, reverse=True)
        names, summaries = {}, {}
        for path in self.tree.python:
            if path in self.session.files or path.endswith("/conftest.py"):
                continue
            base = next((o for o in own if path.startswith(f"{o}/")), str(self.root))
            name = path[len(base) + 1 : -len(".py")].removesuffix("/__init__").replace("/", ".")
            summary = self.store.summary(path)
            if summary is not None:
                names[path], summaries[path] = name, summary
        return Suggestions(self.machine, summaries, names, declared_names(self.root))

    def _unparseable(self) -> Iterator[str]:
        for path, entry in self.store.entries.items():
            if entry.whole().error:
                yield self.tree.relative(path)

    def _directories(self) -> Iterator[Directory]:
        files = Counter(self.tree.relative(p.rpartition("/")[0]) for p in self.session.files)
        broken = Counter(self.tree.relative(p.rpartition("/")[0]) for p in self.session.broken)
        for path, count in sorted(files.items()):
            yield Directory(path, count, broken[path])

    # -- what is not run, and what cannot fail ---------------------------------------------------

    def _unreached(self) -> Iterator[str]:
        """Yield the tests that no tier selects; none where the project has no settings, or uses none of the tiers."""
        if not any("[tool." in origin for origin in self.settings.origins.values()):
            return
        selected = [str((self.root / p).resolve()) for t in self.settings.tiers.values() for p in t.paths]
        lost = [f for f in self.session.files if not any(f == s or f.startswith(f"{s}/") for s in selected)]
        if len(lost) < len(self.session.files):
            yield from map(self.tree.relative, lost)

    def _quality(self) -> list[Finding]:
        found = []
        for path in sorted(self.session.files):
            entry = self.store.entries.get(path)
            for line, rule, test, message in entry.findings if entry else ():
                found.append(Finding(self.tree.relative(path), line, rule, test, message))
        return found

    # -- rules of import -------------------------------------------------------------------------

    def _breaches(self) -> list[Finding]:
        return [
            Finding(self.tree.relative(path), line, rule, "", message)
            for path, entry in sorted(self.store.entries.items())
            for line, rule, message in entry.breaches
        ]

    def _critical(self) -> Iterator[Finding]:
        """Yield the critical modules and names that are not there."""
        where = self.root / "pyproject.toml"
        for wanted in self.settings.audit.critical:
            name, _, member = wanted.partition(":")
            try:
                module = self.machine.load(name, str(where), 1)
                missing = bool(member) and self.machine.member(module, member) is None and member not in module.names
                why = f"{name} has no {member}" if missing else ""
            except Raised as raised:
                first = raised.faults[0]
                why = f"{name} cannot be imported: {first.kind} {first.target}"
            except Skipped:
                why = f"{name} skips itself"
            if why:
                yield Finding(where.name, 1, "critical-missing", "", why)

    def _compliance(self, breaches: Sequence[Finding]) -> Iterator[Compliance]:
        files = Counter(self.tree.relative(p.rpartition("/")[0]) for p in self.tree.python)
        breaking = Counter(p.rpartition("/")[0] or "." for p in {f.path for f in breaches})
        for path, count in sorted(files.items()):
            yield Compliance(path, count, breaking[path])


def _there(root: Path, path: Path) -> Path:
    found = path if path.is_absolute() else Path.cwd() / path
    if not found.exists():
        found = root / path
    if not found.exists():
        raise BadSetting.value("PATH", str(path), "the command line", "a file or a folder")
    return found.resolve()
