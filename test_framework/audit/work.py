"""Reads many files, in several processes if there are enough of them."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.audit.cache import CacheEntry, pack_summary
from test_framework.audit.moved_imports import find_moved_imports
from test_framework.audit.removed_rules import refuse_suppressions
from test_framework.audit.rules import FileFindings, Patterns, examine
from test_framework.audit.source.summarizing import gc_paused, summarize
from test_framework.suite.discovery import is_test_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.audit.moves import Moves

_WORTH = 2_000_000  # bytes, below which a second process takes longer to start than it saves
_BATCH = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadJob:
    """How files are read, for other processes; `root` ends without a slash."""

    root: str
    python_files: tuple[str, ...]
    python_classes: tuple[str, ...]
    python_functions: tuple[str, ...]
    moves: Moves

    def read(self, path: str, time: int, size: int, known: CacheEntry | None) -> CacheEntry | None:
        """Return what is in a file; None when it cannot be read.

        Raises:
            BadSetting: A comment accepts a finding of a rule that is no more.
        """
        try:
            with open(path, "rb", buffering=0) as file:  # thousands of these
                data = file.read()
        except OSError:
            return None
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if known is not None and known.digest == digest:
            return known._replace(time=time, size=size)
        summary, text, tree = summarize(data)
        relative = path[len(self.root) + 1 :]
        refuse_suppressions(relative, text)
        found = FileFindings()
        if is_test_file(path, self.python_files) and not summary.error:
            patterns = Patterns(self.python_classes, self.python_functions)
            found = examine(relative, text, tree, patterns=patterns)
        breaches = tuple(find_moved_imports(self.moves, text, self._package(path))) if self.moves.pairs else ()
        doubts = tuple((d.line, d.rule, d.test, d.message, d.ask, d.what) for d in found.doubts)
        parses = summary.error is None
        findings = found.findings, breaches
        return CacheEntry(
            time, size, digest, pack_summary(summary), *findings, parses=parses, doubts=doubts, facts=found.facts
        )

    def _package(self, path: str) -> str:
        folder = path[len(self.root) + 1 :].rpartition("/")[0]
        return folder.removeprefix("src/").replace("/", ".")


Task = tuple[str, int, int, CacheEntry | None]


def read_all(
    job: ReadJob, tasks: Sequence[Task], processes: int | None = None
) -> Iterator[list[tuple[str, CacheEntry | None]]]:
    """Yield what was read, batch by batch.

    Args:
        job: How.
        tasks: Path, time, size, and what was known of it.
        processes: How many; as many as there are cores, and one for little work, when None.
    """
    if processes is None:
        enough = sum(size for _, _, size, _ in tasks) > _WORTH
        processes = (os.cpu_count() or 1) if enough else 1
    batches = list(_batches(tasks))
    if min(processes, len(batches)) <= 1:
        for batch in batches:
            yield _read((job, batch))
        return
    # Forking takes no time, but is safe only where no other thread holds a lock.
    alone = threading.active_count() == 1 and sys.platform == "linux"
    with multiprocessing.get_context("fork" if alone else "spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_read, [(job, batch) for batch in batches])


def _read(given: tuple[ReadJob, list[Task]]) -> list[tuple[str, CacheEntry | None]]:
    job, batch = given
    with gc_paused():
        return [(path, job.read(path, time, size, known)) for path, time, size, known in batch]


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    batch: list[Task] = []
    size = 0
    for task in tasks:
        batch.append(task)
        size += task[2]
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
