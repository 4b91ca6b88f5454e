"""Reads files whose names come from users. Only regular files are read: a pipe might never end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class NoFile(OSError):
    """The path is a pipe, a socket, a device or a folder."""


def read_bytes(path: str | Path) -> bytes:
    """Return what a regular file holds.

    Raises:
        NoFile: The path is not a regular file.
        OSError: It cannot be read.
    """
    # A pipe that nobody writes to would hold us as we open it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        _refuse(os.fstat(descriptor), path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def read_text(path: str | Path, errors: str = "strict") -> str:
    """Return the UTF-8 text of a regular file, with line feeds as line ends. Raises the same as `read_bytes`."""
    return read_bytes(path).decode("utf-8", errors).replace("\r\n", "\n").replace("\r", "\n")


def refuse_special(path: str | Path) -> None:
    """Raise the same as `read_bytes`, for a file that other code is going to read."""
    _refuse(os.stat(path), path)  # noqa: PTH116  # the path may be text


def _refuse(found: os.stat_result, path: str | Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NoFile(errno.EINVAL, "it is not a regular file", str(path))
