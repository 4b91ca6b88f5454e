"""Caches what was read of each file: one cache file per audited root, outside of it.

An entry is valid while the modification time and the size of its file are the same, or else its content.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from test_framework import suite
from test_framework.atomic import replace_file
from test_framework.audit.source.operations import Summary


class CacheEntry(NamedTuple):
    """What is known of one file."""

    time: int  # of its last change, in ns
    size: int
    digest: bytes
    summary: bytes  # a marshalled `Summary`, unpacked only on demand
    findings: tuple[tuple[int, str, str, str], ...] = ()  # line, rule, test and message
    breaches: tuple[tuple[int, str, str], ...] = ()
    parses: bool = True
    confirmed: bool = False  # whether Python has parsed its whole text
    doubts: tuple[tuple[int, str, str, str, int, str], ...] = ()  # fields of `PendingFinding`
    facts: bytes = b""  # what was asked of its functions, packed

    def whole(self) -> Summary:
        """Return the summary with its names."""
        return Summary(*marshal.loads(self.summary))  # noqa: S302  # our own file


class AuditCache:
    """Entries by path.

    Args:
        root: The audited root.
        variant: What else decides what an entry says: the settings that are used when a file is read.
    """

    def __init__(self, root: str, variant: str, *, kept: bool = True) -> None:
        name = hashlib.blake2b(root.encode(), digest_size=8).hexdigest()
        self.path = _folder() / f"audit-{name}"
        self.version = f"{_code()}|{sys.version}|{variant}"
        self.kept = kept
        self.entries: dict[str, CacheEntry] = {}
        self.libraries: dict[str, tuple[int, int, bytes]] = {}  # time, size and summary
        self.outcome: tuple[Any, ...] = ()
        self.changed = False
        if kept:
            with suppress(OSError, ValueError, EOFError, TypeError):
                version, entries, libraries, outcome = marshal.loads(_own_bytes(self.path))  # noqa: S302  # as above
                if version == self.version:
                    self.entries = {path: CacheEntry._make(entry) for path, entry in entries.items()}
                    self.libraries, self.outcome = libraries, outcome

    def save(self) -> None:
        """Write it, whole or not at all; a cache that cannot be written is none."""
        if not (self.kept and self.changed):
            return
        entries = {path: tuple(entry) for path, entry in self.entries.items()}
        data = marshal.dumps((self.version, entries, self.libraries, self.outcome))
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self.path, data, mode=0o600)


def pack_summary(summary: Summary) -> bytes:
    """Return a summary as an entry has it."""
    return marshal.dumps(tuple(summary))


def _own_bytes(path: Path) -> bytes:
    """Return what is in a file of ours: of somebody else's, marshal may make anything.

    Raises:
        OSError: It is not there, or belongs to another user.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to another user")
        return file.read()


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "test-framework"


@cache
def _code() -> str:
    """Return a hash of the code that decides what an entry says."""
    digest = hashlib.blake2b(digest_size=8)
    for package in (Path(__file__).parent, Path(suite.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
