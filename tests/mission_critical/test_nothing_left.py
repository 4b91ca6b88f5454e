"""A killed run leaves nothing behind: no process, no container, no data, no socket, no shared memory."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from tests.support.place import Place

pytestmark = pytest.mark.mission_critical

SPLIT = {"test_before[0]": "passed", "test_middle[0]": "passed", "test_after[0]": "error", "test_after[1]": "error"}
"""What becomes of the tests when something is lost in the middle of the second one."""

IN_PROCESS = {"TEST_FRAMEWORK_SUPERVISOR": "0"}


def test_run_that_ends(place: Place, provider: str) -> None:
    """A run that passes has stopped its servers a moment later."""
    run = Checkout(place, provider).run()
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
    assert run.outcomes() == SPLIT
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
    assert run.outcomes() == SPLIT
    assert {*left.values(), *kept.values()} <= _running(checkout)

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
