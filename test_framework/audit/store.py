"""Holds the entries of all files of one audit: from the cache, or from reading what has changed."""

from __future__ import annotations

import marshal
import os
import time
from typing import TYPE_CHECKING

from test_framework.audit.cache import CacheEntry, pack_summary
from test_framework.audit.source.operations import Summary
from test_framework.audit.source.summarizing import summarize
from test_framework.audit.source.syntax_check import SyntaxSuspects
from test_framework.audit.work import ReadJob, read_all
from test_framework.suite.source import syntax_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.cache import AuditCache
    from test_framework.suite.discovery import SourceTree


class FileStore:
    """Summaries by path."""

    def __init__(self, tree: SourceTree, cache: AuditCache, job: ReadJob) -> None:
        self.tree = tree
        self.cache = cache
        self.job = job
        self.entries: dict[str, CacheEntry] = {}
        self.summaries: dict[str, Summary | None] = {}
        self.differing: dict[str, CacheEntry | None] = {}  # what does something else at import, with what it was before
        self.libraries: set[str] = set()  # files of others that were asked for

    def fill(self, deadline: float | None, tick: Callable[[int], None] | None = None) -> bool:
        """Read the files of the project that are new or have changed; returns whether the time sufficed."""
        known, tasks = self.cache.entries, []
        for path in self.tree.python:
            entry, (changed, size) = known.get(path), self.tree.sizes[path]
            if entry is not None and entry.time == changed and entry.size == size:
                self.entries[path] = entry
            else:
                tasks.append((path, changed, size, entry))
        suspects = SyntaxSuspects([path for path, *_ in tasks])
        for batch in read_all(self.job, tasks):
            self.entries.update((path, entry) for path, entry in batch if entry)
            if tick:
                tick(len(self.entries))
            if deadline is not None and time.monotonic() > deadline:
                suspects.stop()
                return False
        self._confirm(suspects.paths())
        for path, _, _, before in tasks:
            after = self.entries.get(path)
            if before is None or after is None or before.summary != after.summary:
                self.differing[path] = before
        self.cache.changed = self.cache.changed or bool(tasks) or len(known) != len(self.entries)
        self.cache.entries = self.entries
        return True

    def _confirm(self, suspects: set[str]) -> None:
        for path in suspects & self.entries.keys():
            entry = self.entries[path]
            if entry.parses and not entry.confirmed:
                self.entries[path] = entry._replace(confirmed=True)
                if error := _error(path):
                    # What was seen in its tests may come of how it is broken.
                    known = entry.time, entry.size, entry.digest, pack_summary(entry.whole()._replace(error=error))
                    self.entries[path] = CacheEntry(*known, breaches=entry.breaches, parses=False, confirmed=True)

    def summary(self, path: str) -> Summary | None:
        """Return the summary of any file, of the project or not; None when it cannot be read."""
        if path not in self.summaries:
            entry = self.entries.get(path)
            self.summaries[path] = entry.whole() if entry else self._library(path)
        return self.summaries[path]

    def _library(self, path: str) -> Summary | None:
        self.libraries.add(path)
        try:
            status = os.stat(path)
            key = status.st_mtime_ns, status.st_size
            known = self.cache.libraries.get(path)
            if known and known[:2] == key:
                return Summary(*marshal.loads(known[2]))  # noqa: S302  # our own file
            with open(path, "rb") as file:  # thousands of these
                summary = summarize(file.read())[0]
        except OSError:
            return None
        self.cache.libraries[path] = (*key, pack_summary(summary))
        self.cache.changed = True
        return summary


def _error(path: str) -> tuple[int, str] | None:
    try:
        with open(path, "rb") as file:  # as above
            return syntax_error(file.read())
    except OSError:
        return None
