"""Rewrites a project in batches, audits after each, and reverts a batch that breaks anything."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.atomic import replace_file
from test_framework.audit.codemod.module_rewriting import rewrite
from test_framework.audit.naming import ModuleNaming
from test_framework.audit.run import audit
from test_framework.audit.source.summarizing import gc_paused
from test_framework.config import BadSetting
from test_framework.suite.discovery import walk
from test_framework.suite.module_finder import ModuleFinder
from test_framework.suite.pytest_settings import read_pytest_settings
from test_framework.suite.source import CannotRewrite, decode_with_encoding, encode_source
from test_framework.suite.writing import uncommitted, unified_diff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.audit.model import Audit
    from test_framework.audit.moves import Moves
    from test_framework.config import Settings
    from test_framework.suite.discovery import SourceTree

_WORTH = 200  # files, below which other processes take longer to start than they save
_CHUNK = 25


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after; `path` is relative to the root."""

    path: str
    before: bytes
    after: bytes

    def diff(self) -> bytes:
        """Return what changes."""
        return unified_diff(self.path, self.before, self.after)

    def undo(self) -> bytes:
        """Return the diff that takes it back."""
        return unified_diff(self.path, self.after, self.before)


@dataclass(frozen=True, slots=True)
class SkippedPlace:
    """A file, or a line of it when `line` is not 0, that was left as it is, and why."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class RewriteBatch:
    """Files that were written together; those of which something broke were taken back, all of them."""

    paths: tuple[str, ...]
    broke: tuple[str, ...] = ()  # what the audit found, or why it could not be written

    @property
    def applied(self) -> bool:
        """Whether it stands."""
        return not self.broke


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """What a run would do, and with `batches` what it did."""

    files: int
    changes: tuple[FileChange, ...]
    skipped: tuple[SkippedPlace, ...]
    batches: tuple[RewriteBatch, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """How files are written: the file of the patch that takes all back, and how many make a batch."""

    undo: Path
    size: int = 50
    allow_dirty: bool = False  # also files with changes that git does not have


def find_rewrites(
    settings: Settings, paths: Sequence[Path], moves: Moves, tick: Callable[[int], None] | None = None
) -> RewriteResult:
    """Return what there is to rewrite; nothing is written.

    Args:
        settings: The project's own, of which the root and `audit.exclude` count.
        paths: Files and folders in the root to look at; all when empty.
        moves: What has moved.
        tick: Is called with the number of files that were looked at.

    Raises:
        BadSetting: A path is not there, or outside of the root.
    """
    root = settings.root.resolve()
    finder = ModuleFinder()
    tree = walk(str(root), finder, settings.audit.exclude)
    naming = ModuleNaming(str(root), read_pytest_settings(root, []).pythonpath, finder)
    wanted = [_inside(root, path) for path in paths]
    files = [f for f in tree.python if not wanted or any(f == w or f.startswith(f"{w}/") for w in wanted)]
    lost = [w for w in wanted if not any(f == w or f.startswith(f"{w}/") for f in files)]
    if lost:
        raise BadSetting(f"{lost[0]} has no file that is looked at: `audit` says what is left out, and why.")
    changes: list[FileChange] = []
    skipped: list[SkippedPlace] = []
    for number, (change, skipped_here) in enumerate(_each(_RewriteJob(tree, moves, naming), files)):
        changes += [change] if change else []
        skipped += skipped_here
        if tick:
            tick(number + 1)
    return RewriteResult(len(files), tuple(changes), tuple(skipped))


def _inside(root: Path, path: Path) -> str:
    found = (path if path.is_absolute() else Path.cwd() / path).resolve()
    if not found.exists():
        found = (root / path).resolve()
    if not found.exists():
        raise BadSetting.value("PATH", str(path), "the command line", "a file or a folder")
    if found != root and root not in found.parents:
        raise BadSetting.value("PATH", str(path), "the command line", f"inside of {root}")
    return str(found)


LookResult = tuple[FileChange | None, list[SkippedPlace]]


@dataclass(frozen=True, slots=True)
class _RewriteJob:
    """What is needed to look at a file, in whichever process."""

    tree: SourceTree
    moves: Moves
    naming: ModuleNaming

    def __call__(self, path: str) -> LookResult:
        """Return what changes in a file, and what is left of it."""
        shown_path = self.tree.relative(path)
        try:
            with gc_paused():
                change, skipped = self._look(path, shown_path)
        except (CannotRewrite, OSError) as error:
            return None, [SkippedPlace(shown_path, 0, str(error))]
        return change, [SkippedPlace(shown_path, line, why) for line, why in skipped]

    def _look(self, path: str, shown_path: str) -> tuple[FileChange | None, Sequence[tuple[int, str]]]:
        data = Path(path).read_bytes()
        if not self.moves.likely(data):
            return None, ()
        text, encoding = decode_with_encoding(data)
        package = self.naming.package(path)
        if not self.moves.concern(text, package):
            return None, ()
        if os.path.islink(path):
            return None, [(0, "it is a link: the file that it leads to is rewritten where it lies in the project")]
        made = rewrite(text, self.moves, package, self.naming, initial=path.endswith("/__init__.py"))
        change = FileChange(shown_path, data, encode_source(made.text, encoding)) if made.text != text else None
        return change, made.skipped


def _each(job: _RewriteJob, files: Sequence[str]) -> Iterator[LookResult]:
    """Look at files in their order, on all cores when there are many."""
    processes = os.cpu_count() or 1
    if processes == 1 or len(files) < _WORTH:
        yield from map(job, files)
        return
    # Ctrl-C is for the process that was started, which ends the others.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.imap(job, files, chunksize=_CHUNK)


def apply_rewrites(
    settings: Settings, found: RewriteResult, how: RewriteOptions, tick: Callable[[RewriteBatch], None] | None = None
) -> RewriteResult:
    """Write what was found, and return what came of it.

    Each batch is written, audited, and taken back as a whole when a test file is broken that was not before.
    The patch is there before the first file of a batch is written. Ctrl-C takes back the batch that is under way.

    Args:
        settings: The project's own.
        found: What `find_rewrites` returned.
        how: How to write it.
        tick: Is called after each batch.
    """
    root = settings.root.resolve()
    refused = {} if how.allow_dirty else uncommitted(root, [f"{root}/{c.path}" for c in found.changes])
    changes = [c for c in found.changes if f"{root}/{c.path}" not in refused]
    skipped = list(found.skipped)
    skipped += [SkippedPlace(c.path, 0, refused[p]) for c in found.changes if (p := f"{root}/{c.path}") in refused]
    run = _RewriteRun(root, settings, how.undo)
    try:
        for start in range(0, len(changes), how.size):
            run.batch(changes[start : start + how.size])
            if tick:
                tick(run.batches[-1])
    except KeyboardInterrupt:
        return replace(found, skipped=tuple(skipped), batches=tuple(run.batches), interrupted=True)
    return replace(found, skipped=tuple(skipped), batches=tuple(run.batches))


class _RewriteRun:
    def __init__(self, root: Path, settings: Settings, undo: Path) -> None:
        self.root = root
        self.settings = settings
        self.undo = undo
        self.patch = b""  # takes back what stands
        self.batches: list[RewriteBatch] = []
        self.before: set[str] | None = None

    def batch(self, changes: Sequence[FileChange]) -> None:
        """Write some files, and take them back unless all is as well as before."""
        if self.before is None:
            self.before = set(_faults(self._audit()))
        after: set[str] = set()
        broke: list[str] = []
        try:
            patch = self.patch + b"".join(change.undo() for change in changes)
            self._write_patch(patch)
            for change in changes:
                if (self.root / change.path).read_bytes() != change.before:
                    broke.append(f"{change.path}: somebody else has changed it")
                    break
                replace_file(Path(self.root, change.path), change.after, mode=None)
            else:
                after = set(_faults(self._audit()))
                broke += sorted(after - self.before)
        except OSError as error:
            broke.append(f"{error.filename}: {error.strerror}")
        except BaseException:
            self._back(changes)
            raise
        self.batches.append(RewriteBatch(tuple(c.path for c in changes), tuple(broke)))
        if broke:
            self._back(changes)
        else:
            self.patch = patch
            self.before = after

    def _back(self, changes: Sequence[FileChange]) -> None:
        for change in changes:
            path = self.root / change.path
            if path.read_bytes() == change.after:
                replace_file(path, change.before, mode=None)
        self._write_patch(self.patch)

    def _write_patch(self, patch: bytes) -> None:
        if patch:
            self.undo.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.undo, patch)
        else:
            self.undo.unlink(missing_ok=True)

    def _audit(self) -> Audit:
        return audit(self.root, [], self.settings)


def _faults(found: Audit) -> Iterator[str]:
    """Yield what must not become more: broken test files, and files that cannot be parsed."""
    for broken in found.broken:
        yield f"{broken.path} cannot be imported"
    for path in found.unparseable:
        yield f"{path} cannot be parsed"
