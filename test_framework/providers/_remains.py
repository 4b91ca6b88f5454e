"""Removes what a server program leaves when it, or its owner, is killed: processes, shared memory, a folder."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import owner, private

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HOME", "MARK", "MEMORY", "clear", "remember", "sweep"]

_log = logging.getLogger(__name__)

MARK = "TF_SERVER_FOLDER"
"""A variable of a server's environment, which what it starts inherits, wherever that works: the folder of the server,
which is ours alone."""

HOME = "server"
"""Of the folder in that folder which the server's user owns."""

MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of ours inside, that only its owner may enter
"""Where the folders of servers are, as long as there is room; else in the temporary folder."""

_SEGMENTS = Path("/proc/sysvipc/shm")
_NOTE = "server.pid"
_SECONDS = 3.0
_START_SECONDS = 60.0


def remember(folder: Path, pid: int) -> None:
    """Note which process is the server of `folder`, for whoever clears it."""
    with suppress(OSError):
        private.write_private(folder / _NOTE, str(pid))


def clear(folder: Path) -> None:
    """End every process of a server's folder, free the memory that the server shared, and remove the folder.

    Anything else than a folder of ours is left alone, whatever its name.
    """
    with suppress(OSError), private.opened(folder) as ours:
        users = {os.geteuid(), private.owner_of(folder / HOME)}
        _end_inside(folder.parent.resolve() / folder.name, users)
        with suppress(OSError, ValueError):
            pid, started = private.read(_NOTE, ours)
            _free(int(pid), started, users)
    private.remove(folder)


def sweep() -> None:
    """End servers, and remove folders, that a killed owner left together with its guard."""
    for base in {MEMORY, Path(tempfile.gettempdir())}:
        for folder in private.abandoned(base):
            clear(folder)
            _log.info("swept %s", folder)


def _end_inside(folder: Path, users: set[int | None]) -> None:
    """End the processes of `folder`: in order first, so that a server frees its shared memory itself."""
    deadline = time.monotonic() + _SECONDS
    number = signal.SIGQUIT
    while pids := list(_running_in(folder, users)):
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, number)
        time.sleep(0.02)
        if time.monotonic() > deadline:
            if number is signal.SIGKILL:
                return
            number, deadline = signal.SIGKILL, deadline + _SECONDS


def _running_in(folder: Path, users: set[int | None]) -> Iterator[int]:
    """Yield what works in `folder`, or carries its mark: a helper that a server starts may live on elsewhere.

    Anybody can give such a mark to his own processes. So only those count that this user or the server's has started.
    """
    mark = f"{MARK}={folder}\0".encode()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError, ValueError):
            pid, place = int(link.parent.name), str(link.readlink())
            # The link says so when the folder itself is gone.
            inside = Path(place.removesuffix(" (deleted)")).is_relative_to(folder)
            if not inside and mark not in (link.parent / "environ").read_bytes():
                continue
            if _user_of(link.parent) in users and owner.start_ticks(pid):
                yield pid


def _user_of(process: Path) -> int:
    """Return who started a process: not whose rights it has, which a program may set."""
    (line,) = (line for line in (process / "status").read_text().splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


def _free(pid: int, started: float, users: set[int | None]) -> None:
    """Free the System V shared memory of a server that was killed: the system would keep it until its own end.

    Process ids are used again, so only what was made at the time of the server's start, by its user, can be its own.
    """
    for line in _SEGMENTS.read_text().splitlines()[1:]:
        _, identity, _, _, creator, _, attached, _, _, user, _, _, _, made, *_ = line.split()
        if int(creator) != pid or attached != "0" or int(user) not in users:
            continue
        if abs(int(made) - started) < _START_SECONDS:
            import ctypes

            ctypes.CDLL(None).shmctl(int(identity), 0, None)  # 0 is IPC_RMID
