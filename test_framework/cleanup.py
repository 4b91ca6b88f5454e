"""Cleans up after a server program that was killed, or whose owner was: processes, shared memory, its folder."""

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

_log = logging.getLogger(__name__)

FOLDER_VARIABLE = "TF_SERVER_FOLDER"
"""The environment variable that names the folder of a server; the processes that it starts inherit it."""

SERVER_FOLDER = "server"
"""The name of the folder inside, which the server's user owns."""

MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of ours inside, that only its owner may enter
"""Where the folders of servers are as long as there is room; else they are in the temporary folder."""

_SEGMENTS = Path("/proc/sysvipc/shm")
_PID_FILE = "server.pid"
_TERM_SECONDS = 3.0
_START_SECONDS = 60.0


def record_pid(folder: Path, pid: int) -> None:
    """Write down which process is the server of `folder`, for `kill_and_remove`."""
    with suppress(OSError):
        private.write_private(folder / _PID_FILE, str(pid))


def kill_and_remove(folder: Path) -> None:
    """Kill every process of a server's folder, free its shared memory, and remove the folder.

    Anything else than a folder of ours is left alone, whatever its name.
    """
    with suppress(OSError), private.opened(folder) as ours:
        users = {os.geteuid(), private.owner_of(folder / SERVER_FOLDER)}
        _kill_processes_of(folder.parent.resolve() / folder.name, users)
        with suppress(OSError, ValueError):
            pid, started = private.read(_PID_FILE, ours)
            _free_shared_memory(int(pid), started, users)
    private.remove(folder)


def sweep() -> None:
    """End servers, and remove folders, that a killed owner left together with its guard."""
    for base in {MEMORY, Path(tempfile.gettempdir())}:
        for folder in private.abandoned(base):
            kill_and_remove(folder)
            _log.info("swept %s", folder)


def _kill_processes_of(folder: Path, users: set[int | None]) -> None:
    """End the processes of `folder`: in order first, so that a server frees its shared memory itself."""
    deadline = time.monotonic() + _TERM_SECONDS
    number = signal.SIGQUIT
    while pids := list(_processes_of(folder, users)):
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, number)
        time.sleep(0.02)
        if time.monotonic() > deadline:
            if number is signal.SIGKILL:
                return
            number, deadline = signal.SIGKILL, deadline + _TERM_SECONDS


def _processes_of(folder: Path, users: set[int | None]) -> Iterator[int]:
    """Yield each process that works in `folder` or has its variable: a helper of a server may work elsewhere.

    Any user can set that variable for processes of his own, so only those of this user and the server's count.
    """
    variable = f"{FOLDER_VARIABLE}={folder}\0".encode()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError, ValueError):
            pid, place = int(link.parent.name), str(link.readlink())
            # The link says so when the folder itself is gone.
            inside = Path(place.removesuffix(" (deleted)")).is_relative_to(folder)
            if not inside and variable not in (link.parent / "environ").read_bytes():
                continue
            if _user_of(link.parent) in users and owner.start_ticks(pid):
                yield pid


def _user_of(process: Path) -> int:
    """Return the real user of a process, since a program may set its effective one."""
    (line,) = (line for line in (process / "status").read_text().splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


def _free_shared_memory(pid: int, started: float, users: set[int | None]) -> None:
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
