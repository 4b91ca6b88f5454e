"""The files of a folder in which servers run."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Return what is below a folder and is not a folder; some may be gone, since servers remove theirs meanwhile."""
    # `rglob` raises when a folder goes while it looks.
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
