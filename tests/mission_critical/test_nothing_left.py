"""A killed run leaves nothing behind: no process, no container, no data, no socket, no shared memory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from test_framework import services
from test_framework.contracts import Launch, RunAs
from tests.conftest import wait_until
from tests.support.checkout import LOST, SERVICES, Checkout

if TYPE_CHECKING:
    from tests.support.place import Place

pytestmark = pytest.mark.mission_critical

ROOT = Path(__file__).parents[2]
_STEPS = 20
"""At least so many steps does the start of a Redis have."""
IN_PROCESS = {"TEST_FRAMEWORK_SUPERVISOR": "0"}


def test_run_that_ends(place: Place, provider: str) -> None:
    """A run that passes has stopped its servers a moment later."""
    checkout = Checkout(place, provider)
    run = checkout.start_held()
    checkout.go()
    run.passed()
    assert set(run.outcomes().values()) == {"passed"}
    place.is_empty()


def test_killed_pytest(checkout: Checkout) -> None:
    """SIGKILL of pytest in mid-test ends its lease, and with it the servers."""
    run = checkout.start_held()
    checkout.servers()
    run.kill()
    checkout.place.is_empty()


def test_interrupted_pytest(checkout: Checkout) -> None:
    """Ctrl-C in mid-test ends the run as pytest does, and leaves nothing."""
    run = checkout.start_held()
    run.kill(signal.SIGINT)
    assert run.end() == pytest.ExitCode.INTERRUPTED, run.output
    assert run.report["outcome"] == "interrupted"
    checkout.place.is_empty()


def test_killed_worker(checkout: Checkout) -> None:
    """SIGKILL of one of two workers fails its test alone: the others, on the same servers, pass."""
    checkout.tests(before=0, middle=4, after=0)
    run = checkout.start_held("-p", "xdist.plugin", "-n", "2")
    run.wait_held(2)
    psutil.Process(run.held()[0]).kill()
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED, run.output
    assert sorted(run.outcomes().values()) == ["failed", "passed", "passed", "passed"]
    checkout.place.is_empty()


def test_killed_supervisor(checkout: Checkout) -> None:
    """SIGKILL of the supervisor takes the servers with it; the tests that follow say so, quoting its log."""
    run = checkout.start_held()
    (supervisor,) = checkout.place.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED, run.output
    assert run.outcomes() == LOST
    assert "the supervisor is gone, and the servers that it owned with it" in run.output
    assert f"INFO supervisor {supervisor} listens on" in run.output
    checkout.place.is_empty()


def test_killed_supervisor_and_guard(checkout: Checkout) -> None:
    """What is left when the guard is killed too is swept by the next run, which leaves a living owner's servers be."""
    other = Checkout(checkout.place, checkout.provider, checkout.services, name="other")
    living = other.start_held()
    run = checkout.start_held()
    left = checkout.servers()
    kept = other.servers()
    (supervisor,) = (told["pid"] for told in checkout.status())
    for process in psutil.Process(supervisor).children():
        if "guard" in " ".join(process.cmdline()):
            process.kill()
    os.kill(supervisor, signal.SIGKILL)
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED, run.output
    assert run.outcomes() == LOST
    # Whichever run comes next on this machine sweeps; here it is ours, unless somebody else is faster.
    checkout.run().passed()
    assert not {*left.values()} & _running(checkout)
    assert other.servers() == kept
    other.go()
    living.passed()
    checkout.place.is_empty()


def _running(checkout: Checkout) -> set[str]:
    """Return the identities of servers that run, or could be any."""
    return {*checkout.place.containers(), *(str(p.pid) for p in checkout.place.processes())}


@pytest.mark.parametrize("victim", ["pytest", "supervisor"])
@pytest.mark.parametrize("later", [0.0, 0.2])
def test_killed_during_start(checkout: Checkout, victim: str, later: float) -> None:
    """SIGKILL of pytest or of the supervisor while a server starts leaves nothing of that server either."""
    word = {"docker": "starting a container", "embedded": "starting "}[checkout.provider]
    run = checkout.start()
    wait_until(lambda: word in checkout.place.log(), "a server is being started")
    time.sleep(later)
    os.kill(run.pid if victim == "pytest" else checkout.place.supervisors()[0], signal.SIGKILL)
    assert run.end() != pytest.ExitCode.OK
    checkout.place.is_empty()


def test_killed_at_each_step_of_a_start(embedded_place: Place) -> None:
    """SIGKILL of the owner leaves no folder, whichever step the start had reached."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.support.kills", "redis"],
        cwd=ROOT,
        env=embedded_place.env,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    found = json.loads(told.stdout)
    assert found["left"] == []
    assert found["steps"] >= _STEPS, "the start was not followed"
    embedded_place.is_empty()


_SLOW = """\
#!/bin/sh
case $1 in --version) echo "Redis server v=8.0.0" ;; *) exec sleep 60 ;; esac
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_ended_during_a_long_start(embedded_place: Place, number: signal.Signals) -> None:
    """A server that takes long to answer is not waited for when the run that wanted it has ended."""
    checkout = Checkout(embedded_place, "embedded", ("redis",))
    checkout.write("bin/redis-server", _SLOW).chmod(0o755)
    run = checkout.start(env={"PATH": f"{checkout.root}/bin:{os.environ['PATH']}"})
    wait_until(lambda: bool(embedded_place.processes("sleep 60")), "a server is being started")
    run.kill(number)
    embedded_place.is_empty()


def test_killed_guard_is_replaced(embedded_place: Place) -> None:
    """A new guard, started with the next server, knows of the servers that the killed one knew."""
    warm = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}
    checkout = Checkout(embedded_place, "embedded", ("redis",))
    checkout.run(env=warm).passed()
    (supervisor,) = embedded_place.supervisors()
    for process in psutil.Process(supervisor).children():
        if "guard" in " ".join(process.cmdline()):
            process.kill()
    more = Checkout(embedded_place, "embedded", SERVICES)
    more.run(env=warm).passed()
    assert more.servers().keys() == {"postgres", "redis"}
    os.kill(supervisor, signal.SIGKILL)
    embedded_place.is_empty()


def test_redis_whose_owner_is_silent(tmp_path: Path) -> None:
    """A Redis whose owner is killed before it has sent the password listens to this machine alone, on its own port."""
    redis = services.get("redis")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = redis.prepare(redis.find_binary("", os.environ), tmp_path, port, Launch("secret"), RunAs())
    with subprocess.Popen(command.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
        try:
            found = psutil.Process(process.pid)
            wait_until(lambda: bool(found.net_connections("inet")), "it listens")
            assert [tuple(c.laddr) for c in found.net_connections("inet")] == [("127.0.0.1", port)]
        finally:
            process.kill()


def test_in_this_process(checkout: Checkout) -> None:
    """Without a supervisor the servers belong to pytest itself, and have ended when it has."""
    run = checkout.run(env=IN_PROCESS)
    run.passed()
    assert checkout.place.supervisors() == []
    checkout.place.is_empty()


def test_killed_pytest_without_a_supervisor(checkout: Checkout) -> None:
    """SIGKILL of a pytest that owns servers itself leaves nothing either."""
    run = checkout.start_held(env=IN_PROCESS)
    assert len(checkout.place.processes() + checkout.place.containers()) > 1
    run.kill()
    checkout.place.is_empty()
