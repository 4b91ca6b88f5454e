"""Marks what a process started, so that what it left can be told from what a living one still uses.

A process id alone is used again by the system; with the time at which the process started it is unique
until the machine restarts.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import uuid
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

LABEL = "test-framework.owner"
HOST_LABEL = "test-framework.host"
"""Labels of a container: the mark of the process that owns it, and the machine on which that process runs."""

GATE = ("/bin/sh", "-c", 'read -r _ && exec "$@"', "sh")
"""What stands before a command that the guard has to know of first: it waits for a line on its standard input. Where we
are killed before we send the line, it never comes, and the command never runs."""

_STOPPED = ("T", "t")
_FORM = re.compile(r"(\d+)_(\d+)")


def start_ticks(pid: int) -> int:
    """Return when a process started, in hundredths of a second, or 0 when there is none.

    On Linux it is read in clock ticks since boot, which a change of the wall clock does not move.
    """
    try:
        state, *rest = _stat(pid)
        return 0 if state == "Z" else int(rest[18])
    except (OSError, IndexError, ValueError):
        pass
    if Path("/proc/self/stat").exists():
        return 0
    import psutil

    try:
        return int(psutil.Process(pid).create_time() * 100)
    except psutil.Error:
        return 0


def mark_of(pid: int) -> str:
    """Return the mark of a process that runs."""
    return f"{pid}_{start_ticks(pid)}"


def open_gate(process: subprocess.Popen[bytes], question: bytes = b"") -> None:
    """Let a command that was started behind `GATE` run, and give it what it reads; it must fit into a pipe.

    A process that has ended meanwhile is left alone.
    """
    if process.stdin is None:
        raise AssertionError("its standard input is a pipe")
    with suppress(BrokenPipeError), process.stdin as gate:
        gate.write(b"\n" + question)


def _stat(pid: int) -> list[str]:
    """Return what Linux says of a process after its name: its state first; see proc_pid_stat(5)."""
    # The second field is the program's name in parentheses and may hold anything, so count from its end.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def stopped(pid: int) -> bool:
    """Whether somebody has stopped a process, as SIGSTOP and Ctrl-Z do; False where the system does not say."""
    try:
        return _stat(pid)[0] in _STOPPED
    except (OSError, IndexError):
        return False


def is_mark(text: str) -> bool:
    """Whether `text` is a mark."""
    return bool(_FORM.fullmatch(text))


def alive(mark: str) -> bool:
    """Whether the very process that `mark` names still runs; a text that is no mark names none."""
    found = _FORM.fullmatch(mark)
    return found is not None and start_ticks(int(found[1])) == int(found[2]) != 0


def _namespace() -> str:
    """Name this process namespace; `0` where the system has none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()).partition("[")[2].rstrip("]")
    except OSError:
        return "0"


def _host() -> str:
    """Name this machine, its boot and its process namespace: a process id means nothing beyond these."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(NAMESPACE)
    except OSError:
        # Two machines may have one name, and no boot to tell them apart.
        parts.append(f"{uuid.getnode():x}")
    return "-".join(parts)


NAMESPACE = _namespace()
"""Of process ids: a folder may be shared by several, as that of a container and that of its host."""

HOST = _host()
MARK = mark_of(os.getpid())
"""The mark of this process."""

_HERE = hashlib.sha256(HOST.encode()).hexdigest()[:12]
_SIGNED = re.compile(rf"(\d+_\d+)_{_HERE}_\d+_\d+")
_numbers = count(1)


def prefix_of(prefix: str) -> str:
    """Return how names begin, on a server that others use too, of what one object of this process makes there.

    A number follows. It says which machine and which process: see `abandoned`.
    """
    return f"{prefix}{MARK}_{_HERE}_{next(_numbers)}_"


def abandoned(name: str, prefix: str) -> bool:
    """Whether a name was made by a process of this machine that has ended; that of any other machine is not."""
    found = _SIGNED.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return found is not None and not alive(found[1])
