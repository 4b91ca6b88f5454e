"""Runs a command in our place: its standard streams are ours, signals go on to it, its status comes back."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CANNOT_RUN", "NOT_FOUND", "SIGNALLED", "CommandError", "find", "run"]

CANNOT_RUN, NOT_FOUND, SIGNALLED = 126, 127, 128
"""The exit statuses of shells, and of `env`, `nohup` and `timeout`: the last is added to the number of a signal."""

_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_WATCHED = {*_PASSED, signal.SIGCHLD}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_LOOK_SECONDS = 1.0


class CommandError(Exception):
    """The command cannot be run.

    Attributes:
        status: What to exit with.
    """

    def __init__(self, program: str, error: OSError | None) -> None:
        missing = error is None or isinstance(error, FileNotFoundError)
        super().__init__(f"{program!r} cannot be run: {(error and error.strerror) or 'it is not on the PATH'}")
        self.status = NOT_FOUND if missing else CANNOT_RUN


def find(program: str) -> str:
    """Return the path of a program, looked for on the PATH.

    Raises:
        CommandError: It is not there, or may not be run.
    """
    if found := shutil.which(program):
        return found
    if os.sep not in program:
        raise CommandError(program, None)
    try:
        Path(program).stat()
    except OSError as error:
        raise CommandError(program, error) from error
    raise CommandError(program, PermissionError(0, "it is no program that may be run"))


def run(path: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a program to its end, passing on to it the signals that we get.

    Returns:
        Its exit status, or 128 and the number of the signal that killed it, as shells say.

    Raises:
        CommandError: The system does not run it.
    """
    # Who started us may have it ignored, and then the system keeps no status of a command that has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        try:
            pid = os.posix_spawn(path, list(argv), env, setsigmask=before, setsigdef=_IGNORED_BY_PYTHON)
        except OSError as error:
            raise CommandError(path, error) from error
        status = _wait(pid)
    finally:
        # What came with its end was for it, and is not to end us now.
        for number in signal.sigpending() & _WATCHED:
            signal.sigwait({number})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return status if status >= 0 else SIGNALLED - status


def _wait(pid: int) -> int:
    """Return the exit status, negative for a signal."""
    while True:
        number, everybody = _next_signal()
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if number in _PASSED and not everybody:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal, or for a second; return its number, and whether the command has got it as well.

    What the terminal sends, such as SIGINT for Ctrl-C, goes to every process in front of it: to pass it on would be to
    send it twice, and a second Ctrl-C means another thing to many programs.
    """
    if sys.platform == "darwin":
        # It does not say who has sent a signal.
        number = signal.sigwait(_WATCHED)
        with suppress(OSError):
            return number, number in (signal.SIGINT, signal.SIGQUIT) and os.tcgetpgrp(0) == os.getpgrp()
        return number, False
    told = signal.sigtimedwait(_WATCHED, _LOOK_SECONDS)
    # The kernel's own have a positive code, those of kill(2) none: see sigaction(2).
    return (told.si_signo, told.si_code > 0) if told else (0, False)
