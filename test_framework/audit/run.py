"""Runs one audit from start to end."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.audit.cache import AuditCache
from test_framework.audit.model import Audit, Broken, Cause, Cited, Compliance, Directory, Finding, LeftOut
from test_framework.audit.moves import Moves
from test_framework.audit.options import AuditOptions
from test_framework.audit.outcome import CollectionOutcome, is_named_elsewhere, is_same_import, outcome_key, stamps
from test_framework.audit.quality import quality
from test_framework.audit.source.summarizing import gc_paused
from test_framework.audit.store import FileStore
from test_framework.audit.work import ReadJob
from test_framework.config import BadSetting
from test_framework.suite.discovery import walk
from test_framework.suite.module_finder import ModuleFinder
from test_framework.suite.pytest_settings import read_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.config import Settings

_DEEP = 100_000  # an import in an import in an import…


def audit(
    root: Path,
    paths: Sequence[Path],
    settings: Settings,
    options: AuditOptions | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Audit:
    """Audit the tests of a project, without importing anything of it.

    Args:
        root: The project's folder, where pytest would be started.
        paths: Files and folders to look at; what pytest would by itself when empty.
        settings: The project's own, of which the audit's table and the tiers count.
        options: What the command line asks for; the defaults when None.
        progress: Is called with what is being done and how much of it is done.

    Raises:
        BadSetting: A path is not there, or the project's settings of pytest cannot be read.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        with gc_paused():
            return _AuditRun(root.resolve(), paths, settings, options or AuditOptions()).result(progress)
    finally:
        sys.setrecursionlimit(before)


class _AuditRun:
    def __init__(self, root: Path, paths: Sequence[Path], settings: Settings, options: AuditOptions) -> None:
        self.root = root
        self.settings = settings
        self.started = time.monotonic()
        self.deadline = self.started + options.timeout if options.timeout else None
        self.paths = [_there(root, p) for p in paths]
        self.pytest = read_pytest_settings(root, self.paths)
        moves = Moves.of(settings.audit.moved, "[tool.test_framework.audit]")
        self.finder = ModuleFinder()
        self.tree = walk(str(root), self.finder, settings.audit.exclude)
        self.job = ReadJob(
            root=str(root),
            python_files=self.pytest.python_files,
            python_classes=self.pytest.python_classes,
            python_functions=self.pytest.python_functions,
            moves=moves,
        )
        self.cache = AuditCache(str(root), repr(self.job), kept=options.cache)
        self.store = FileStore(self.tree, self.cache, self.job)
        self.options = options if options.packages else replace(options, packages=settings.audit.packages)
        self.walked = frozenset(self.finder.listings)

    def result(self, progress: Callable[[str, int], None] | None) -> Audit:
        """Run the audit and return its result."""
        report = progress or (lambda *_: None)
        complete = self.store.fill(self.deadline, lambda done: report("read", done))
        outcome = CollectionOutcome("", (), (), (), (), ())
        if complete:
            outcome, complete = self._outcome(lambda done: report("imported", done))
        found = quality(self.store, self.finder, self.pytest, outcome.files)
        self.cache.save()
        breaches = self._breaches()
        return Audit(
            files=len(outcome.files),
            modules=len(self.tree.python),
            seconds=round(time.monotonic() - self.started, 3),
            directories=tuple(self._directories(outcome)),
            broken=tuple(Broken(path, tuple(Cited(*c) for c in causes)) for path, causes in outcome.broken),
            causes=tuple(Cause(*cause) for cause in outcome.causes),
            empty=tuple(f.path for f in found if f.rule == "no-test"),
            unreached=tuple(self._unreached(outcome.files)),
            quality=tuple(found),
            imports=(*(Finding(*found) for found in outcome.critical), *breaches),
            compliance=tuple(self._compliance(breaches)) if self.job.moves.pairs else (),
            left_out=tuple(LeftOut(self.tree.relative(p), why) for p, why in sorted(self.tree.left_out.items())),
            unparseable=tuple(self._unparseable()),
            complete=complete,
        )

    # -- what cannot be imported -----------------------------------------------------------------

    def _outcome(self, tick: Callable[[int], None]) -> tuple[CollectionOutcome, bool]:
        """Return what cannot be imported, from the last run where that still holds, and whether the time sufficed."""
        environ = os.environ.get("PYTHONPATH", "")
        others = (self.pytest, self.settings.audit, self.paths, self.options.packages, self.options.python, environ)
        key = outcome_key(str(self.root), self.finder, self.tree.left_out, sys.path, *others)
        known = CollectionOutcome(*self.cache.outcome) if self.cache.outcome else None
        if known is not None and self._holds(known, key):
            return known, True
        # What this takes is not imported where it is not needed.
        from test_framework.audit.collection import Collection

        starts = [str(p) for p in self.paths] or list(self.pytest.testpaths) or [str(self.root)]
        collection = Collection(self.store, self.finder, self.pytest, self.options)
        collection.run(starts, self.deadline, tick)
        critical = tuple(collection.critical(self.settings.audit.critical)) if collection.complete else ()
        broken, causes = tuple(collection.broken()), tuple(collection.causes())
        outside = (f for f in self.finder.listings if f not in self.walked)
        looked_at = tuple(stamps((*outside, *self.store.libraries)))
        outcome = CollectionOutcome(key, collection.files, broken, causes, critical, looked_at)
        self.cache.outcome = tuple(outcome) if collection.complete else ()
        self.cache.changed = True
        return outcome, collection.complete

    def _holds(self, known: CollectionOutcome, key: str) -> bool:
        """Whether a session would find the same again."""
        if known.key != key or tuple(stamps(path for path, *_ in known.looked_at)) != known.looked_at:
            return False
        tests, broken = frozenset(known.files), dict(known.broken)
        return all(
            before is not None
            and path in tests
            and is_same_import(
                before.whole(), self.store.entries[path].whole(), broken.get(self.tree.relative(path), ())
            )
            and not is_named_elsewhere(path, self.store.entries)
            for path, before in self.store.differing.items()
        )

    def _unparseable(self) -> Iterator[str]:
        for path in self.tree.python:
            entry = self.store.entries.get(path)
            if entry is not None and not entry.parses:
                yield self.tree.relative(path)

    def _directories(self, outcome: CollectionOutcome) -> Iterator[Directory]:
        files = Counter(self.tree.relative(p.rpartition("/")[0]) for p in outcome.files)
        broken = Counter(p.rpartition("/")[0] or "." for p, _ in outcome.broken)
        for path, count in sorted(files.items()):
            yield Directory(path, count, broken[path])

    # -- what is not run, and what cannot fail ---------------------------------------------------

    def _unreached(self, files: Sequence[str]) -> Iterator[str]:
        """Yield the tests that no tier selects; none where the project has no settings, or uses none of the tiers."""
        if not any("[tool." in origin for origin in self.settings.origins.values()):
            return
        selected = [str((self.root / p).resolve()) for t in self.settings.tiers.values() for p in t.paths]
        lost = [f for f in files if not any(f == s or f.startswith(f"{s}/") for s in selected)]
        if len(lost) < len(files):
            yield from map(self.tree.relative, lost)

    # -- rules of import -------------------------------------------------------------------------

    def _breaches(self) -> list[Finding]:
        return [
            Finding(self.tree.relative(path), line, rule, "", message)
            for path, entry in sorted(self.store.entries.items())
            for line, rule, message in entry.breaches
        ]

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
