"""A server or an engine that is lost in mid-run fails the tests that follow, with its name, and hangs nobody."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait_until
from tests.support.checkout import LOST, SERVICES, Checkout
from tests.support.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engine import OwnEngine

pytestmark = pytest.mark.mission_critical

_END_SECONDS = 45.0


def _kill(checkout: Checkout, service: str) -> str:
    """Kill a server; return its process id or container id."""
    identity = checkout.servers()[service]
    if checkout.provider == "docker":
        client = checkout.place.client
        assert client is not None
        client.api.kill(identity)
    else:
        os.kill(int(identity), signal.SIGKILL)
    wait_until(lambda: bool(checkout.status()[0]["servers"][0]["died"]), "its end is known")
    return identity


@pytest.mark.parametrize("service", SERVICES)
def test_killed_server(place: Place, provider: str, service: str) -> None:
    """The tests after the end of a server fail as `server-died`, each naming the process or the container."""
    checkout = Checkout(place, provider, (service,))
    run = checkout.start_held()
    identity = _kill(checkout, service)
    checkout.go()
    assert run.end(_END_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
    assert run.outcomes() == LOST, run.output
    told = {"docker": f"container {identity} exited 137", "embedded": f"process {identity} ended by SIGKILL"}
    line = f"server-died: {service} on {checkout.provider} was running but has stopped: {told[checkout.provider]}. "
    assert run.output.count(line) >= 2, run.output
    checkout.place.is_empty()


@pytest.fixture
def engine(own_engine: OwnEngine) -> Iterator[OwnEngine]:
    """Return the engine that may be stopped, running; after the test it runs again."""
    yield own_engine
    own_engine.end()
    own_engine.start()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_engine_that_ends(engine: OwnEngine, number: signal.Signals) -> None:
    """When the engine ends, the tests that follow name it; when it is back, the next run removes what was left."""
    with Place(engine.env) as place:
        checkout = Checkout(place, "docker", ("redis",), env={"TEST_FRAMEWORK_REDIS_IMAGE": "tests/redis:8"})
        run = checkout.start_held()
        identity = checkout.servers()["redis"]
        engine.end(number)
        checkout.go()
        assert run.end(_END_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
        assert run.outcomes() == LOST
        how = {
            signal.SIGKILL: f"the Docker engine at {engine.env['DOCKER_HOST']} no longer answers",
            # It ends its containers before itself.
            signal.SIGTERM: f"container {identity} exited 0",
        }
        assert run.output.count(f"server-died: redis on docker was running but has stopped: {how[number]}") == 2, (
            run.output
        )
        place.is_empty(containers=False)
        engine.start()
        assert place.containers() == [identity]
        checkout.run().passed()
        place.is_empty()
