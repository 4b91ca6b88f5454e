"""Files and folders that belong to this user alone, also in places where every user may write.

In a temporary folder anybody may put a link, a pipe or a folder under a name that looks like ours, and a server that
runs as another user may change what is in its own folder at any time. So nothing is trusted by its name: it is opened
without following links, has to be of the right kind and owner, and is then used by its descriptor.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from test_framework import owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = f"test-framework-{os.getuid()}-"
"""How the name of each temporary folder of this user begins."""

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""`O_NONBLOCK`, because opening a pipe waits for whoever writes into it."""

_ALONE = 0o700
_PASSABLE = 0o710
"""For us, and to be passed through by the group of the server's user."""

_OTHERS_WRITE = 0o022
_DEEPEST = 32
_REMOVE_SECONDS = 60.0


class NotOurs(OSError):
    """Something that is no folder, or no file, of the user that it has to belong to."""


@contextmanager
def opened(path: Path | str, inside: int | None = None, *, of: int | None = None) -> Iterator[int]:
    """Open a folder; yields its descriptor.

    Args:
        path: Of the folder. A link in its place is not followed.
        inside: The descriptor of the folder in which `path` counts.
        of: The user that it has to belong to; us when None. Nobody else may write in one of ours.

    Raises:
        NotOurs: It is no folder, or somebody else's.
    """
    try:
        descriptor = os.open(path, _OPEN | os.O_DIRECTORY, dir_fd=inside)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            link = stat.S_ISLNK(os.stat(path, dir_fd=inside, follow_symlinks=False).st_mode)
            raise NotOurs(error.errno, "is a link" if link else "is no folder", str(path)) from error
        raise
    try:
        found = os.fstat(descriptor)
        if found.st_uid != (os.geteuid() if of is None else of):
            raise NotOurs(errno.EPERM, "belongs to another user", str(path))
        if of is None and found.st_mode & _OTHERS_WRITE:
            raise NotOurs(errno.EPERM, "is one that other users may write in", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def marked(what: str) -> str:
    """Return a new name that says who makes it: `abandoned` finds it when this process is no more."""
    return f"{PREFIX}{owner.MARK}-{owner.NAMESPACE}-{what}-{os.urandom(6).hex()}"


def abandoned(base: Path) -> list[Path]:
    """Return what is in `base` under a name of `marked` whose process is no more. It may be anybody's: see `remove`."""
    try:
        return [path for path in base.iterdir() if path.name.startswith(PREFIX) and _is_abandoned(path.name)]
    except OSError:
        return []


def _is_abandoned(name: str) -> bool:
    mark, _, rest = name.removeprefix(PREFIX).partition("-")
    # Of an owner in another process namespace we cannot tell whether it lives.
    return owner.is_mark(mark) and rest.partition("-")[0] == owner.NAMESPACE and not owner.alive(mark)


def make(base: Path, what: str) -> Path:
    """Make a new folder in `base` that only this user may enter."""
    path = base / marked(what)
    path.mkdir(mode=_ALONE)
    return path


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file for this process, if nobody else has; the lock ends with the file, or with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ensure(path: Path, mode: int = _ALONE) -> None:
    """Make a folder of ours with these rights, or give them to the one that is there.

    Raises:
        NotOurs: What is there is no folder, or somebody else's.
        OSError: It cannot be made.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=mode)
    with opened(path, of=os.geteuid()) as folder:
        os.fchmod(folder, mode)


def owner_of(path: Path) -> int | None:
    """Return who owns a folder, which is not followed when it is a link; None when there is none."""
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def remove(path: Path) -> None:
    """Remove a folder of ours with all that is in it. Anything else under that name is left alone."""
    with suppress(OSError), opened(path) as folder:
        # Whoever could enter cannot any more.
        os.fchmod(folder, _ALONE)
        empty(folder)
        path.rmdir()


def empty(folder: int) -> None:
    """Remove all that is in a folder, whoever owns it, without following links.

    Folders in folders are first moved up, so that nobody can nest them deeper than we can reach.
    """
    deadline = time.monotonic() + _REMOVE_SECONDS
    while (left := _entries(folder)) and time.monotonic() < deadline:
        for name, is_folder in left:
            with suppress(OSError):
                if is_folder:
                    _flatten(name, folder)
                else:
                    os.unlink(name, dir_fd=folder)
        if _entries(folder) == left:
            # Nothing of it can be removed.
            return


def _entries(folder: int) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)


def _flatten(name: str, above: int) -> None:
    """Remove the files of a folder, move its folders up, and remove it."""
    folder = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=above)
    try:
        for inner, is_folder in _entries(folder):
            if not is_folder:
                os.unlink(inner, dir_fd=folder)
                continue
            try:
                os.rmdir(inner, dir_fd=folder)
            except OSError:
                os.rename(inner, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=above)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=above)


def hand_over(folder: Path, uid: int | None, gid: int | None) -> None:
    """Give a folder, and what is in it, to the user of a server; the folder above it stays ours.

    Until the end nobody else may enter the folder above, so that nothing changes while it is handed over. What was
    handed over is not touched again.

    Args:
        folder: In a folder that only we may enter.
        uid: The user; None for ourselves, which is nothing to do.
        gid: His group, which may pass through the folder above.
    """
    if uid is None or owner_of(folder) == uid:
        return
    group = -1 if gid is None else gid
    with opened(folder.parent) as above, opened(folder.name, above) as given:
        os.fchmod(above, _ALONE)
        for _, folders, files, inside in os.fwalk(".", topdown=False, dir_fd=given):
            for name in (*folders, *files):
                os.chown(name, uid, group, dir_fd=inside, follow_symlinks=False)
        os.fchown(given, uid, group)
        os.fchown(above, -1, group)
        os.fchmod(above, _PASSABLE)


def copy(source: Path, target: Path, *, of: int | None = None) -> None:
    """Copy a folder into a new one, which only we may read.

    Args:
        source: What is copied.
        target: The new folder.
        of: Who owns the source, and may change it meanwhile; us when None.

    Raises:
        NotOurs: Something in it is no file or folder of that user.
        OSError: It cannot be copied.
    """
    with opened(source, of=of) as theirs:
        target.mkdir(mode=_ALONE)
        with opened(target) as ours:
            _copy(theirs, ours, os.geteuid() if of is None else of, _DEEPEST)


def _copy(source: int, target: int, of: int, deepest: int) -> None:
    if not deepest:
        raise NotOurs(errno.ELOOP, "folders are nested too deep")
    for name, is_folder in _entries(source):
        if is_folder:
            os.mkdir(name, _ALONE, dir_fd=target)
            with opened(name, source, of=of) as theirs, opened(name, target) as ours:
                _copy(theirs, ours, of, deepest - 1)
        else:
            with _file(name, source, of) as original, create(name, target) as made:
                shutil.copyfileobj(original, made, 1 << 20)


@contextmanager
def _file(path: Path | str, inside: int | None = None, of: int | None = None) -> Iterator[IO[bytes]]:
    """Open a file that belongs to a user, us when None, for reading."""
    with os.fdopen(os.open(path, _OPEN, dir_fd=inside), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != (os.geteuid() if of is None else of):
            raise NotOurs(errno.EPERM, "is no file, or another user's", str(path))
        yield file


def read(path: Path | str, inside: int | None = None) -> tuple[str, float]:
    """Return what is in a file of ours, and when it was written.

    Raises:
        NotOurs: It is no file of ours.
        OSError: It cannot be read.
    """
    with _file(path, inside) as file:
        return file.read().decode(errors="replace"), os.fstat(file.fileno()).st_mtime


def create(path: Path | str, inside: int | None = None) -> IO[bytes]:
    """Make a new file, which nobody else may read at any time; what is there is neither followed nor replaced.

    Whatever is written comes last, also what another process writes that was given the file.

    Raises:
        FileExistsError: Something is there.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600, dir_fd=inside), "a+b")


def write_private(path: Path, text: str, *, replace: bool = False) -> Path:
    """Write a new file, which nobody else may read at any time; returns its path.

    Args:
        path: Of the file.
        text: What is in it.
        replace: Whether one that is there, as a killed owner may have left, makes room.

    Raises:
        FileExistsError: There is one.
    """
    if replace:
        path.unlink(missing_ok=True)
    with create(path) as file:
        file.write(text.encode())
    return path
