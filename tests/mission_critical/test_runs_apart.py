"""Runs of one project share its servers; those of two projects never touch each other's."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout

pytestmark = pytest.mark.mission_critical

IDLE_SECONDS = 8.0


def test_two_runs_in_one_checkout(checkout: Checkout) -> None:
    """Two runs at once share one supervisor and one server of each service, and both pass."""
    first, second = checkout.start_held(), checkout.start()
    second.wait_held(2)
    (told,) = checkout.status()
    assert {client["pid"] for client in told["clients"]} == {first.pid, second.pid}
    assert checkout.place.servers() == sorted(checkout.servers().values())
    checkout.go()
    first.passed()
    second.passed()
    checkout.place.is_empty()


def test_killed_run_leaves_the_other(checkout: Checkout) -> None:
    """Of two runs at once one is killed; the other goes on with the same servers and passes."""
    first, second = checkout.start_held(), checkout.start()
    second.wait_held(2)
    before = checkout.servers()
    first.kill()
    wait_until(lambda: len(checkout.status()[0]["clients"]) == 1, "the lease of the killed run has ended")
    assert checkout.servers() == before
    checkout.go()
    second.passed()
    checkout.place.is_empty()


def test_two_checkouts(checkout: Checkout) -> None:
    """Two projects at once have servers of their own; one is killed with all its processes, and the other passes."""
    other = Checkout(checkout.place, checkout.provider, checkout.services, name="other")
    doomed, run = checkout.start_held(), other.start_held()
    kept, lost = set(other.servers().values()), set(checkout.servers().values())
    assert not kept & lost
    assert checkout.place.servers() == sorted(kept | lost)
    (told,) = checkout.status()
    for process in psutil.Process(told["pid"]).children(recursive=True):
        # One that the death of another has ended is gone already.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    os.kill(told["pid"], signal.SIGKILL)
    doomed.kill()
    other.go()
    run.passed()
    assert set(run.outcomes().values()) == {"passed"}
    # Its next run sweeps what nobody was left to remove.
    checkout.go()
    checkout.run().passed()
    checkout.place.is_empty()


def test_four_workers(checkout: Checkout) -> None:
    """Four workers of one run share one server of each service."""
    place, provider = checkout.place, checkout.provider
    checkout.tests(before=0, middle=8, after=0)
    run = checkout.start_held("-p", "xdist.plugin", "-n", "4")
    run.wait_held(4)
    assert place.servers() == sorted(checkout.servers().values())
    assert len(checkout.status()[0]["clients"]) == 5, "four workers, and the run itself, which warms"
    checkout.go()
    run.passed()
    report = run.report
    assert report["counts"]["passed"] == 8
    for service in checkout.services:
        ran_on = {tuple(test["services"][service].items()) for test in report["tests"]}
        told = report["services"][service]
        assert ran_on == {(("provider", provider), ("version", told["version"]))}
    place.is_empty()


def test_warm_servers(checkout: Checkout) -> None:
    """They outlive their run, and the next one within the idle time finds the same; after it they are gone."""
    checkout.run(env={"TEST_FRAMEWORK_IDLE_SECONDS": "60"}).passed()
    before = checkout.servers()
    checkout.run(env={"TEST_FRAMEWORK_IDLE_SECONDS": str(IDLE_SECONDS)}).passed()
    assert checkout.servers() == before
    assert len(checkout.place.supervisors()) == 1
    # To ask does not keep them.
    wait_until(lambda: checkout.status() == [], "the idle time is over", IDLE_SECONDS + 60)
    checkout.place.is_empty()
