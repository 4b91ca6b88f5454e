"""A run that ends before what was to be ready for it has begun: nothing is started any more, and nobody is told."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from test_framework.config import load
from test_framework.plugin import lease
from test_framework.plugin.session import Session
from test_framework.supervisor import server
from test_framework.supervisor.address import SupervisorAddress
from test_framework.supervisor.client import SupervisorLost, SupervisorUnanswered
from test_framework.supervisor.guard import Guard
from test_framework.supervisor.local import LocalClient
from test_framework.supervisor.wire import ServiceRequest
from tests.conftest import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project


HOLDS = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(2)
"""


def test_a_session_that_is_over_asks_for_nothing(no_service: Project) -> None:
    """Its lease makes no connection, and the thread that warms ends without an error."""
    session = Session(load(no_service.path, {}), {}, "integration", "run", fail_on_unavailable=False)
    session.close()
    session.lease.warm(["postgres"])
    with pytest.raises(SupervisorLost, match="the run has ended"):
        _ = session.lease.client


def test_a_supervisor_that_is_closed_warms_nothing(no_service: Project) -> None:
    """Also where the connection was there already."""
    settings = load(no_service.path, {})
    client = LocalClient(settings, {}, "run", lambda _: None)
    client.close()
    client.warm([ServiceRequest.of("postgres", settings, "integration")])


def test_a_child_that_still_has_the_lock_is_waited_for(tmp_path: Path) -> None:
    """A supervisor may be killed between the fork and the exec of a server; its socket is removed after that."""
    lock, socket = tmp_path / "lock", tmp_path / "socket"
    socket.touch()
    # Long enough for the guard to have begun, which cannot be seen from outside.
    child = subprocess.Popen([sys.executable, "-c", HOLDS, lock], stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"held\n"
    entry = {"key": "1", "kind": "socket", "path": str(socket), "lock": str(lock), "passwords": str(tmp_path / "none")}
    guard = [sys.executable, "-c", "from test_framework.supervisor.guard import main; main()"]
    subprocess.run(guard, input=json.dumps(entry) + "\n", text=True, check=True, timeout=60)
    child.communicate(timeout=60)
    assert not socket.exists()


@pytest.mark.timeout(30)
def test_a_supervisor_whose_servers_do_not_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its guard, which waits for that, removes them."""
    made = server.SupervisorProcess(SupervisorAddress(tmp_path))
    never = threading.Event()
    monkeypatch.setattr(made._supervisor, "close", never.wait)
    monkeypatch.setattr(server, "_CLOSE_SECONDS", 0.2)
    made.end()
    made.serve()
    made._supervisor.guard.close()
    never.set()


def test_a_guard_that_takes_its_time_is_nobodys_warning(tmp_path: Path) -> None:
    """On a busy machine it ends after its owner has stopped waiting, and is still reaped."""
    guard = Guard()
    guard.add(kind="folder", path=str(tmp_path / "folder"))
    assert guard._process is not None
    pid = guard._process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        guard.close()
        del guard
        gc.collect()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not psutil.pid_exists(pid), "it is reaped")


def test_a_supervisor_that_does_not_answer_is_waited_for_once(
    no_service: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each test that follows fails with the same words, at once."""
    asked = []

    def connect(*_: object) -> None:
        asked.append(1)
        raise SupervisorUnanswered("process 1 does not answer")

    monkeypatch.setattr(lease, "connect", connect)
    session = Session(load(no_service.path, {}), {}, "integration", "run", fail_on_unavailable=False)
    session.lease.warm(["postgres"])
    for _ in range(2):
        with pytest.raises(SupervisorUnanswered, match="process 1"):
            _ = session.lease.client
    assert asked == [1]
