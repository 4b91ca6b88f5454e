"""Files that only this user may read, for passwords and configurations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_private"]


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
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
