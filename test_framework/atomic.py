"""Replaces a file in one step: a reader finds the old content or the new one, and never half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes, *, mode: int | None = 0o644) -> None:
    """Write a file beside the one that is there, and put it in its place; a failure changes nothing.

    Args:
        path: Of the file; its folder is made when it is missing.
        data: What it is to hold.
        mode: Its rights; None for a file of the project's own, which keeps its rights and its owner, and is on the disk
            before it is in its place. Until then only its owner can read it.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if mode is None:
                file.flush()
                # Else a machine that loses its power may keep the new name without the new content.
                os.fsync(file.fileno())
        temporary.chmod(0o644 if mode is None else mode)
        if mode is None and path.exists():
            shutil.copymode(path, temporary)
            with suppress(OSError):
                status = path.stat()
                os.chown(temporary, status.st_uid, status.st_gid)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
