"""Projects from PyPI, each in an environment of its own, with pip."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.performance.measuring import run, say

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["archive", "environment", "pip"]

_SECONDS = 1200.0


def environment(folder: Path) -> Path:
    """Make a new virtual environment in a folder, in the place of what is there, and return its interpreter.

    Raises:
        CaseFailed: pip could not be brought up to date.
        subprocess.CalledProcessError: It could not be made.
    """
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    python = folder / "bin" / "python"
    pip(python, "install", "--upgrade", "pip")
    return python


def archive(python: Path, requirement: str, folder: Path, sha256: str = "") -> Path:
    """Return the source archive of a distribution, downloaded into a folder if it is not there.

    Args:
        python: An interpreter with pip.
        requirement: The distribution with its version, as in `rq==3.0.0`.
        folder: Where it is kept.
        sha256: That of the archive; it is not looked at if empty.

    Raises:
        CaseFailed: pip could not download it, or its content is another.
    """
    name, _, version = requirement.partition("==")
    names = f"{name.replace('-', '_')}-{version}.tar.gz"
    folder.mkdir(parents=True, exist_ok=True)
    pinned = folder / f"{name}.txt"
    if not (folder / names).exists():
        pinned.write_text(f"{requirement}{f' --hash=sha256:{sha256}' if sha256 else ''}\n", encoding="utf-8")
        pip(python, "download", "--no-deps", "--no-binary", name, "-d", folder, "-r", pinned)
    return folder / names


def pip(python: Path, *arguments: str | Path) -> None:
    """Run pip; raises `CaseFailed`."""
    say(f"pip {' '.join(map(str, arguments))}")
    command = [python, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    run(command, python.parent, env, _SECONDS)
