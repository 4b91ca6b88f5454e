"""Finds the files that Python cannot parse: ruff names candidates, which Python confirms."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 60
_FEW = 50  # files, which Python has parsed before ruff has started
_BYTES = 100_000  # of names on one command line


def ruff() -> str | None:
    """Return the ruff of this installation, else the one on the PATH."""
    beside = os.path.join(sysconfig.get_path("scripts"), "ruff")
    return beside if os.access(beside, os.X_OK) else shutil.which("ruff")


class SyntaxSuspects:
    """Runs ruff in the background to find files that may not parse; `paths` waits for it."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.running: list[subprocess.Popen[bytes]] = []
        program = ruff() if len(files) > _FEW else None
        self.by_ruff = program is not None
        if program is None:
            return
        command = [program, "check", "--isolated", "--no-cache", "--quiet", "--no-force-exclude", "--exit-zero"]
        command += [
            "--ignore-noqa",
            "--select",
            "E9,F404,F407,F7,PLE",
            "--output-format",
            "json-lines",
            "--target-version",
        ]
        command += [f"py3{sys.version_info.minor}"]
        for batch in _batches(files):
            with suppress(OSError):
                self.running.append(
                    subprocess.Popen([*command, "--", *batch], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
                )

    def stop(self) -> None:
        """Look no further."""
        for process in self.running:
            process.kill()
            process.communicate()

    def paths(self) -> set[str]:
        """Return the files to ask Python about; all of them when ruff cannot say."""
        found: set[str] = set()
        for process in self.running:
            try:
                out, _ = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return set(self.files)
            if process.returncode:
                return set(self.files)
            for line in out.splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    found.add(json.loads(line)["filename"])
        return found if self.by_ruff else set(self.files)


def _batches(files: Sequence[str]) -> list[list[str]]:
    batches: list[list[str]] = [[]]
    size = 0
    for name in files:
        size += len(name) + 1
        if size > _BYTES * len(batches):
            batches.append([])
        batches[-1].append(name)
    return [b for b in batches if b]
