"""Runs the audit as a user does: by its command line, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["Refused", "audited"]

ROOT = Path(__file__).parents[2]
MISUSE = 2


class Refused(Exception):
    """The audit did not end as it should, with what it printed."""


def audited(
    root: Path, python: str, arguments: tuple[str, ...] = (), *, seconds: float = 300, cache: Path | None = None
) -> tuple[dict[str, Any], float]:
    """Return what `audit --json` wrote, and how many seconds the command took.

    Args:
        root: the audited tree.
        python: the interpreter whose packages count.
        arguments: further arguments of the audit.
        seconds: a bound.
        cache: where the audit keeps what it knows; a folder of this run's own by default, so that each run is cold.

    Raises:
        Refused: it exits with another code than 0 and 1, or writes nothing.
        subprocess.TimeoutExpired: it takes longer than `seconds`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "audit.json")
        # Nothing but the package: this repository has folders of names that the audited tree has too.
        Path(folder, "test_framework").symlink_to(ROOT / "test_framework")
        env = {**os.environ, "PYTHONPATH": folder, "XDG_CACHE_HOME": str(cache or folder)}
        command = [sys.executable, "-m", "test_framework", "audit", "--root", str(root), "--json", str(file)]
        command += ["--python", python, *arguments]
        begin = time.monotonic()
        result = subprocess.run(
            command, cwd=root, env=env, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
        taken = time.monotonic() - begin
        if result.returncode >= MISUSE or not file.exists():
            raise Refused(f"the audit of {root} exits {result.returncode}:\n{(result.stdout + result.stderr)[-3000:]}")
        return json.loads(file.read_text(encoding="utf-8")), taken
