"""Programs that are asked for a name or a login: bounded, and ended with everything that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.program import ask_program
from test_framework.providers.docker.ssh import real_name
from tests.conftest import wait_until
from tests.support.engines import alive

if TYPE_CHECKING:
    from collections.abc import Callable

SLOW = "sleep 300 & echo $! > {file}; wait"
"""A program that hangs in another one, and says which."""


def script(tmp_path: Path) -> tuple[list[str], Path]:
    """Return a command that hangs, and where it writes which process hangs with it."""
    file = tmp_path / "pid"
    return ["sh", "-c", SLOW.format(file=file)], file


def ended(file: Path) -> None:
    """Assert that the process in the file ends."""
    pid = int(file.read_text())
    wait_until(lambda: not alive(pid), "what the program has started has ended", 60)


def test_answer() -> None:
    """It reads the question, and its answer, its errors and its status are told."""
    answer = ask_program(["sh", "-c", "cat; echo no >&2; exit 3"], os.environ, 30, b"who?")
    assert (answer.status, answer.out, answer.errors) == (3, b"who?", b"no\n")


def test_program_that_hangs(tmp_path: Path) -> None:
    """It is ended with what it has started."""
    command, file = script(tmp_path)
    with pytest.raises(TimeoutError):
        ask_program(command, os.environ, 1.0)
    ended(file)


def test_program_that_never_stops_talking() -> None:
    """More than an answer needs is not kept."""
    with pytest.raises(ValueError, match="more than 64 KiB"):
        ask_program(["sh", "-c", "yes"], os.environ, 30)


def test_program_that_leaves_another_behind(tmp_path: Path) -> None:
    """One that answers leaves nothing that goes on."""
    file = tmp_path / "pid"
    command = ["sh", "-c", f"sleep 300 >/dev/null 2>&1 & echo $! > {file}; echo yes"]
    assert ask_program(command, os.environ, 30).out == b"yes\n"
    ended(file)


def test_owner_that_is_killed(tmp_path: Path) -> None:
    """The guard ends what a killed process was still asking."""
    command, file = script(tmp_path)
    code = (
        "import os, sys\n"
        "from test_framework.providers.docker.program import ask_program\n"
        "from test_framework.supervisor.guard import Guard\n"
        "guard = Guard()\n"
        "ask_program(sys.argv[1:], os.environ, 300, guard=guard)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, *command], cwd=Path(__file__).parents[2]) as owner:
        wait_until(lambda: file.exists() and file.read_text().endswith("\n"), "it hangs", 30)
        os.kill(owner.pid, signal.SIGKILL)
    ended(file)


def test_owner_that_is_killed_before_the_guard_knows(tmp_path: Path) -> None:
    """The program never runs, since nobody would end it."""
    command, file = script(tmp_path)
    code = (
        "import os, signal, sys, time\n"
        "from test_framework.providers.docker.program import ask_program\n"
        "class Guard:\n"
        "    def add(self, **what):\n"
        # Long enough for a program that does not wait.
        "        time.sleep(0.5)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "ask_program(sys.argv[1:], os.environ, 300, guard=Guard())\n"
    )
    owner = subprocess.run([sys.executable, "-c", code, *command], cwd=Path(__file__).parents[2], check=False)
    assert owner.returncode == -signal.SIGKILL
    assert not file.exists()


def test_ssh_that_hangs_in_its_configuration(tmp_path: Path, ssh: Callable[[str], dict[str, str]]) -> None:
    """The name in the address is taken, and nothing of ssh is left."""
    _, file = script(tmp_path)
    env = ssh("#!/bin/sh\n" + SLOW.format(file=file))
    assert real_name(Candidate("DOCKER_HOST", env["DOCKER_HOST"], None), env) == "far.example"
    ended(file)
