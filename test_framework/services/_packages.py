"""Finds an installed Python package whose program is a server, without importing it."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import invalidate_caches
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def folder_of(package: str, env: Mapping[str, str]) -> Path | None:
    """Return where this interpreter, run with this environment, would find a package: its folder, or its only file.

    A folder without an `__init__.py` is no package: one of that name may be anything.
    """
    # A supervisor lives for longer than one state of the project.
    invalidate_caches()
    first = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    spec = PathFinder.find_spec(package, first) if first else None
    if spec is None or spec.origin is None:
        spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    return path.parent if spec.submodule_search_locations else path


def newest_change(path: Path) -> int:
    """Return when a file, or the newest Python file of a folder, was changed."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    return max(file.stat().st_mtime_ns for file in files)


def version_of(package: str) -> str:
    """Return the version of the distribution of that name; empty where there is none, as for an application."""
    with suppress(PackageNotFoundError):
        return version(package)
    return ""
