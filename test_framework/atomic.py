"""Replaces a file in one step: a reader finds the old content or the new one, and never half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file beside the one that is there, and put it in its place; a failure changes nothing.

    Args:
        path: Of the file; its folder is made when it is missing.
        data: What it is to hold.
        mode: Its rights. Until it is in place, only its owner can read it.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
