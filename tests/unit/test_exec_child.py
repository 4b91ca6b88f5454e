"""A command that is run in our place: the signals that it gets, and what it ends with."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from test_framework.exec.child import CommandError, find, run_within
from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 60

OURS = """
import os, sys
from test_framework.exec.child import run_within
print(run_within(sys.executable, ["python", "-S", "-c", sys.argv[1]], dict(os.environ)), flush=True)
"""
"""Runs a command, and prints how it has ended."""

NOTES = """
import signal, sys
noted = {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, noted)
print("ready", flush=True)
number = None
while number != signal.SIGUSR1:
    number = signal.sigwait(noted)
    print("got", int(number), flush=True)
sys.exit(3)
"""
"""A program that notes the signals that it gets, and exits 3 after SIGUSR1.

It takes them one by one: `pause` would wait for ever when the first came just before it.
"""


def ran(command: str, seconds: float | None = None) -> tuple[int, int, bool]:
    """Run a line of the shell; return its status, the signal that killed it, and whether its time was up."""
    ended = run_within("/bin/sh", ["sh", "-c", command], dict(os.environ), seconds)
    return ended.status, ended.killed, ended.late


@contextmanager
def held(output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run what notes signals, as a command of a process of ours that writes to a file; it is ended with the block."""
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", OURS, NOTES], stdout=file, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_SECONDS)


def test_a_signal_goes_on_to_the_command(tmp_path: Path) -> None:
    """Once each, and what was sent is told."""
    output = tmp_path / "output"
    with held(output) as process:
        wait_until(lambda: output.read_text() == "ready\n", "the command runs", _SECONDS)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            process.send_signal(number)
            wait_until(lambda number=number: f"got {int(number)}\n" in output.read_text(), f"it has got {number}", 20)  # type: ignore[misc]
        wait_until(lambda: output.read_text().endswith(")\n"), "it has ended", _SECONDS)
    told = output.read_text().splitlines()
    ended = "Ended(status=3, late=False, signals=(15, 2, 10), killed=0)"
    assert told == ["ready", "got 15", "got 2", "got 10", ended]


@pytest.mark.needs("terminals")
def test_what_the_terminal_sends_arrives_once() -> None:
    """Ctrl-C reaches the command by itself, so that it is not passed on, however long we take to hear of it."""
    terminal, inner = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        termios.tcsetwinsize(inner, (24, 80))
        os.close(os.open(os.ttyname(inner), os.O_RDWR))

    shown = b""

    def shows(text: bytes) -> bool:
        nonlocal shown
        if select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 4096)
        return text in shown

    process = subprocess.Popen(
        [sys.executable, "-c", OURS, NOTES],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        preexec_fn=take_terminal,  # noqa: PLW1509  # no other thread forks
    )
    try:
        wait_until(lambda: shows(b"ready"), "the command runs", _SECONDS)
        # We hear of it only when the command has: two that come together could not be told from one.
        process.send_signal(signal.SIGSTOP)
        os.write(terminal, b"\x03")
        wait_until(lambda: shows(b"got 2"), "the command has got it", _SECONDS)
        process.send_signal(signal.SIGCONT)
        # What was passed on is there before what follows: of signals that wait, the least number is taken first.
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: shows(b"Ended(status=3"), "the command has ended", _SECONDS)
    finally:
        process.kill()
        process.wait(_SECONDS)
        os.close(inner)
        os.close(terminal)
    assert shown.count(b"got 2") == 1


@pytest.mark.parametrize(
    ("command", "status", "killed"), [("true", 0, 0), ("exit 7", 7, 0), ("kill -KILL $$", 137, 9), ("exit 137", 137, 0)]
)
def test_the_status_is_that_of_a_shell(command: str, status: int, killed: int) -> None:
    """It is that of the command, 128 and more for a signal; the two can be told apart."""
    assert ran(command) == (status, killed, False)


def test_a_command_whose_time_is_up_is_told_to_end() -> None:
    """It may end in order, and is said to have been late."""
    assert ran("exec sleep 60", 0.1) == (128 + signal.SIGINT, signal.SIGINT, True)


def test_a_parent_that_ignores_its_children_has_the_status() -> None:
    """The system would keep none of a command that has ended."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert ran("exit 7") == (7, 0, False)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_broken_pipe_ends_a_program_of_the_command() -> None:
    """Python ignores that signal for itself, and does not hand it down."""
    assert ran("kill -PIPE $$; exit 0") == (128 + signal.SIGPIPE, signal.SIGPIPE, False)


def test_what_cannot_be_run_has_the_status_of_a_shell(tmp_path: Path) -> None:
    """127 for what is not there, 126 for what may not be run."""
    (tmp_path / "text").write_text("")
    found = {}
    for program in ("no-such-program-anywhere", f"{tmp_path}/none", f"{tmp_path}/text"):
        with pytest.raises(CommandError) as caught:
            find(program)
        found[program.rpartition("/")[2]] = caught.value.status
    assert found == {"no-such-program-anywhere": 127, "none": 127, "text": 126}
