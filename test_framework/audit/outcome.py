"""Keeps what a collection has found for the next run, and decides whether it is still valid there.

It is valid as long as nothing that the session looked at has changed. One exception: a test file that no other file
names may have changed, if it still does the same imports, and if its import errors are in the same lines.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from test_framework.audit.source.operations import Op, Summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from test_framework.audit.cache import CacheEntry
    from test_framework.audit.source.operations import Block
    from test_framework.suite.module_finder import ModuleFinder

_LINES = {
    Op.IMPORT: 3,
    Op.USE: 2,
    Op.ATTRIBUTE: 3,
    Op.SET: 3,
    Op.IMPORT_OR_SKIP: 3,
    Op.RAISE: 2,
}
"""Where an operation has its line; one that is not here has to be the same altogether."""
_SETTINGS = (".toml", ".cfg", ".ini", ".txt", ".in", "setup.py")
# Names of a module that mean something to pytest or to Python.
_SPECIAL = ("__", "pytest_plugins", "collect_ignore")


class CollectionOutcome(NamedTuple):
    """All that a session finds, in fields that can be marshalled; `key` is what was asked."""

    key: str
    files: tuple[str, ...]  # absolute paths of the test files, in the order of collection
    broken: tuple[tuple[str, tuple[tuple[str, str, int, str], ...]], ...]  # relative path, fields of `Cited`
    causes: tuple[tuple[str, str, str, int, tuple[str, ...], str, str], ...]  # fields of `Cause`
    critical: tuple[tuple[str, int, str, str, str], ...]  # fields of `Finding`
    looked_at: tuple[tuple[str, int, int], ...]  # paths outside of the walk, with time and size


def outcome_key(root: str, finder: ModuleFinder, left_out: Mapping[str, str], *others: object) -> str:
    """Return a key of all that decides the outcome: the names of files in the project, its settings, and `others`.

    Args:
        root: The project's folder.
        finder: What the walk has listed, and nothing else yet.
        left_out: What the walk left out.
        others: Whatever else decides; by their `repr`.
    """
    digest = hashlib.blake2b(repr(others).encode(), digest_size=16)
    for folder, listing in finder.listings.items():
        names = "\0".join([folder, *sorted(listing.files), "/", *sorted(listing.folders), "\n"])
        digest.update(os.fsencode(names))
    digest.update(repr(sorted(left_out.items())).encode())
    for folder in (root, f"{root}/requirements"):
        if known := finder.listings.get(folder):
            wanted = (f"{folder}/{name}" for name in sorted(known.files) if name.endswith(_SETTINGS))
            digest.update(repr(list(stamps(wanted))).encode())
    return digest.hexdigest()


def stamps(paths: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield paths with the time of their last change and their size; zeros for what is not there."""
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            yield path, 0, 0
        else:
            yield path, status.st_mtime_ns, status.st_size


def is_named_elsewhere(path: str, entries: Mapping[str, CacheEntry]) -> bool:
    """Whether another file names this test file in what it does at import."""
    stem = path.rpartition("/")[2].removesuffix(".py")
    if stem in {"__init__", "conftest"}:
        return True
    mark = stem.encode()
    found = [entry for other, entry in entries.items() if mark in entry.summary and other != path]
    return any(stem in part.split(".") for entry in found for part in _texts(_others(entry.whole().block)))


def is_same_import(before: Summary, after: Summary, causes: Collection[Sequence[Any]]) -> bool:
    """Whether a file whose names nobody asks for does the same to a session as before.

    Args:
        before: What it did then.
        after: What it does now.
        causes: For what it could not be imported, as fields of `Cited`.
    """
    if before.error or after.error or before[2:] != after[2:]:
        return False
    # What is told of a name that is not defined depends on those that are.
    if any(kind == "undefined-name" for kind, *_ in causes):
        return False
    others = _others(after.block, lines=bool(causes))
    if _others(before.block, lines=bool(causes)) != others:
        return False
    changed = set(_bound(before.block)) ^ set(_bound(after.block))
    return changed.isdisjoint(_texts(others)) and not any(name.startswith(_SPECIAL) for name in changed)


def _others(block: Block, *, lines: bool = True) -> tuple[Any, ...]:
    """Return the operations that do more than to bind a name."""
    return tuple(_plain(operation, lines=lines) for operation in block if operation[0] != Op.BIND)


def _plain(operation: tuple[Any, ...], *, lines: bool) -> tuple[Any, ...]:
    """Return an operation without what binds a name in its blocks, and without its lines unless they count."""
    match operation:
        case (Op.MAYBE, body):
            return Op.MAYBE, _others(body, lines=lines)
        case (Op.IF, condition, body, orelse):
            return Op.IF, condition, _others(body, lines=lines), _others(orelse, lines=lines)
        case (Op.TRY, body, handlers, orelse, final, risky):
            caught = tuple((types, _others(handler, lines=lines)) for types, handler in handlers)
            blocks = (_others(b, lines=lines) for b in (body, orelse, final))
            return Op.TRY, caught, risky, *blocks
        case (Op.FROM, module, level, names, _) if not lines:
            return Op.FROM, module, level, tuple(name[:2] for name in names)
        case (code, *_) if code in _LINES and not lines:
            return (*operation[: _LINES[code]], *operation[_LINES[code] + 1 :])
        case _:
            return operation


def _bound(block: tuple[Any, ...]) -> Iterator[str]:
    """Yield the names that a block and the blocks in it bind to what nobody needs to know."""
    for part in block:
        if isinstance(part, tuple):
            if part[:1] == (Op.BIND,) and len(part) == 2 and isinstance(part[1], tuple):  # noqa: PLR2004
                yield from part[1]
            else:
                yield from _bound(part)


def _texts(value: tuple[Any, ...]) -> Iterator[str]:
    for part in value:
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            yield from _texts(part)
