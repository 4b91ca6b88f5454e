"""Runs a command in our place: its standard streams are ours, signals go on to it, its status comes back."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CANNOT_RUN, NOT_FOUND, SIGNALLED = 126, 127, 128
"""The exit statuses of shells, and of `env`, `nohup` and `timeout`: the last is added to the number of a signal."""

_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_WATCHED = {*_PASSED, signal.SIGCHLD, *([signal.SIGALRM] if sys.platform == "darwin" else [])}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_LOOK_SECONDS = 1.0
_ENDING = ((0.0, signal.SIGINT), (15.0, signal.SIGTERM), (5.0, signal.SIGKILL))
"""How a command is ended whose time is up: seconds to wait after the step before, and the signal that is sent then."""


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
    raise CommandError(program, PermissionError(0, "it is not an executable program"))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command has ended.

    Attributes:
        status: Its exit status, or 128 and the number of the signal that killed it, as shells say.
        late: Whether its time was up, so that it was told to end.
        signals: What somebody has sent us meanwhile, which it has got too.
        killed: The number of the signal that killed it; 0 where it has exited, whatever its status.
    """

    status: int
    late: bool = False
    signals: tuple[int, ...] = ()
    killed: int = 0


def run(path: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a program to its end, passing on to it the signals that we get.

    Returns:
        Its exit status, or 128 and the number of the signal that killed it, as shells say.

    Raises:
        CommandError: The system does not run it.
    """
    return run_within(path, argv, env).status


def run_within(
    path: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    seconds: float | None = None,
    ending: Sequence[tuple[float, int]] = _ENDING,
) -> Ended:
    """Run a program as `run` does, for so long at most.

    Args:
        path: The program.
        argv: Its name and its arguments.
        env: Its environment.
        seconds: When it is told to end, by SIGINT, so that it can do so in order; None for never.
        ending: The signals for that: each with the seconds after which it is sent, counted from the one before.

    Raises:
        CommandError: The system does not run it.
    """
    # Who started us may have it ignored, and then the system keeps no status of a command that has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    # A shell that starts us in the background ignores SIGINT for us and for all below: what is told to end by it when
    # its time is up would go on.
    default = _IGNORED_BY_PYTHON if seconds is None else (*_IGNORED_BY_PYTHON, signal.SIGINT)
    try:
        try:
            pid = os.posix_spawn(path, list(argv), env, setsigmask=before, setsigdef=default)
        except OSError as error:
            raise CommandError(path, error) from error
        ended = ChildWait(pid, seconds, ending).end()
    finally:
        # What came with its end was for it, and is not to end us now.
        for number in signal.sigpending() & _WATCHED:
            signal.sigwait({number})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return ended


class ChildWait:
    """Waits for a command, and ends it when its time is up."""

    def __init__(self, pid: int, seconds: float | None, ending: Sequence[tuple[float, int]]) -> None:
        self.pid = pid
        self.steps = list(ending) if seconds is not None else []
        self.next = time.monotonic() + (seconds or 0.0) + (ending[0][0] if ending else 0.0)
        self.late = False

    def end(self) -> Ended:
        """Return how it has ended."""
        got = []
        while True:
            number, everybody = _next_signal(self._seconds_left())
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if number in _PASSED:
                got.append(number)
            if found:
                code = os.waitstatus_to_exitcode(status)
                killed = max(0, -code)
                return Ended(SIGNALLED + killed if killed else code, self.late, tuple(got), killed)
            if number in _PASSED and not everybody:
                self._send(number)
            if self.steps and self._seconds_left() == 0:
                self._send(self.steps.pop(0)[1])
                self.late = True
                self.next = time.monotonic() + (self.steps[0][0] if self.steps else 0.0)

    def _seconds_left(self) -> float:
        """Return how long to wait at most for what comes next."""
        return min(_LOOK_SECONDS, max(0.0, self.next - time.monotonic())) if self.steps else _LOOK_SECONDS

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _next_signal(seconds: float) -> tuple[int, bool]:
    """Wait for a signal, or so long; return its number, and whether the command has got it as well.

    What the terminal sends, such as SIGINT for Ctrl-C, goes to every process in front of it: to pass it on would be to
    send it twice, and a second Ctrl-C means another thing to many programs.
    """
    if sys.platform == "darwin":
        # It knows no wait with a bound, and does not say who has sent a signal.
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
        number = signal.sigwait(_WATCHED)
        signal.setitimer(signal.ITIMER_REAL, 0)
        with suppress(OSError):
            return number, number in (signal.SIGINT, signal.SIGQUIT) and os.tcgetpgrp(0) == os.getpgrp()
        return number, False
    told = signal.sigtimedwait(_WATCHED, seconds)
    # The kernel's own have a positive code, those of kill(2) none: see sigaction(2).
    return (told.si_signo, told.si_code > 0) if told else (0, False)
