"""Removes what a server program leaves when it, or its owner, is killed: processes, shared memory, a folder."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import owner

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARK", "clear", "remember"]

MARK = "TF_SERVER_FOLDER"
"""A variable of a server's environment, which what it starts inherits, wherever that works: its data folder."""


_SEGMENTS = Path("/proc/sysvipc/shm")
_NOTE = "server.pid"
_SECONDS = 3.0
_START_SECONDS = 60.0


def remember(folder: Path, pid: int) -> None:
    """Note which process is the server whose data is in `folder`, for whoever clears it."""
    with suppress(OSError):
        (folder / _NOTE).write_text(str(pid))


def clear(folder: Path) -> None:
    """End every process of `folder`, free the memory that its server shared, and remove the folder."""
    _end_inside(folder.resolve())
    with suppress(OSError, ValueError):
        _free(int((folder / _NOTE).read_text()), (folder / _NOTE).stat().st_mtime)
    shutil.rmtree(folder, ignore_errors=True)


def _end_inside(folder: Path) -> None:
    """End the processes of `folder`: in order first, so that a server frees its shared memory itself."""
    deadline = time.monotonic() + _SECONDS
    number = signal.SIGQUIT
    while pids := list(_running_in(folder)):
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, number)
        time.sleep(0.02)
        if time.monotonic() > deadline:
            if number is signal.SIGKILL:
                return
            number, deadline = signal.SIGKILL, deadline + _SECONDS


def _running_in(folder: Path) -> Iterator[int]:
    """Yield what works in `folder`, and what carries its mark: a helper that a server starts may live on elsewhere."""
    mark = f"{MARK}={folder}\0".encode()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            pid, place = int(link.parent.name), str(link.readlink())
            # The link says so when the folder itself is gone.
            inside = Path(place.removesuffix(" (deleted)")).is_relative_to(folder)
            if (inside or mark in (link.parent / "environ").read_bytes()) and owner.start_ticks(pid):
                yield pid


def _free(pid: int, started: float) -> None:
    """Free the System V shared memory of a server that was killed: the system would keep it until its own end.

    Process ids are used again, so only what was made at the time of the server's start can be its own.
    """
    for line in _SEGMENTS.read_text().splitlines()[1:]:
        _, identity, _, _, creator, _, attached, _, _, _, _, _, _, made, *_ = line.split()
        if int(creator) == pid and attached == "0" and abs(int(made) - started) < _START_SECONDS:
            import ctypes

            ctypes.CDLL(None).shmctl(int(identity), 0, None)  # 0 is IPC_RMID
