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

__all__ = ["clear"]

_SEGMENTS = Path("/proc/sysvipc/shm")
_SECONDS = 3.0


def clear(folder: Path, *pids: int) -> None:
    """End every process that works in `folder`, free the memory that these and `pids` shared, and remove the folder."""
    ended = {*pids, *_end_inside(folder.resolve())}
    _free(ended)
    shutil.rmtree(folder, ignore_errors=True)


def _end_inside(folder: Path) -> set[int]:
    """End the processes that work in `folder`: in order first, so that a server frees its shared memory itself."""
    ended: set[int] = set()
    deadline = time.monotonic() + _SECONDS
    number = signal.SIGQUIT
    while pids := set(_running_in(folder)):
        ended |= pids
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, number)
        time.sleep(0.02)
        if time.monotonic() > deadline:
            if number is signal.SIGKILL:
                break
            number, deadline = signal.SIGKILL, deadline + _SECONDS
    return ended


def _running_in(folder: Path) -> Iterator[int]:
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            pid, place = int(link.parent.name), str(link.readlink())
            # The link says so when the folder itself is gone.
            if Path(place.removesuffix(" (deleted)")).is_relative_to(folder) and owner.start_ticks(pid):
                yield pid


def _free(creators: set[int]) -> None:
    """Free System V shared memory that nobody is attached to any more; the system keeps it until it is started anew."""
    try:
        lines = _SEGMENTS.read_text().splitlines()[1:]
    except OSError:
        return
    for _, identity, _, _, creator, _, attached, *_ in map(str.split, lines):
        if int(creator) in creators and attached == "0":
            import ctypes

            ctypes.CDLL(None).shmctl(int(identity), 0, None)  # 0 is IPC_RMID
