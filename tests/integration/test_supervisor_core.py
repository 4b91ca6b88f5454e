"""What the supervisor does for its runs, in this process, with a Redis of its own."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest
import redis as driver

from test_framework.contracts import Dedicated
from test_framework.providers import embedded, explicit
from test_framework.providers._external import ExternalServer
from test_framework.resolution import Code, Endpoint
from test_framework.services._redis_databases import url_for_database
from test_framework.supervisor.run import Run
from test_framework.supervisor.wire import ServiceRequest
from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from test_framework.supervisor.core import Supervisor


SHARED = ServiceRequest("redis", ("embedded",), "the test")
OWN = ServiceRequest("redis", ("embedded",), "the test", dedicated=Dedicated())


@pytest.fixture
def enter(
    supervisor: Supervisor,
    tmp_path: Path,
    bare_env: pytest.MonkeyPatch,  # noqa: ARG001  # it has taken out what could configure anything
) -> Callable[[str], Run]:
    """Return what lets a client into a run of that name."""
    return lambda name: supervisor.enter(Run.of(name, tmp_path, dict(os.environ), {}))


def had(supervisor: Supervisor, run: Run, want: ServiceRequest = SHARED) -> Endpoint:
    """Return the server of a run."""
    resolution = supervisor.resolve(run, want)
    assert resolution.endpoint, resolution
    return resolution.endpoint


def at(endpoint: Endpoint, number: int) -> driver.Redis:
    """Connect to a numbered database."""
    return driver.Redis.from_url(url_for_database(endpoint.url, number))


def test_what_is_beside_the_parts_goes_with_the_last_run(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """While another run goes on it may be that one's."""
    first, second = enter("first"), enter("second")
    endpoint = had(supervisor, first)
    had(supervisor, second)
    supervisor.checkout(first, "client", first.servers["redis"])
    with at(endpoint, 0) as client:
        client.set("shared", 1)
        supervisor.leave(first, "client")
        assert client.exists("shared")
        supervisor.leave(second, "other")
        assert not client.exists("shared")


def test_a_client_that_leaves_gives_back_what_it_has(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """However it ended: a worker that is killed says nothing."""
    run = enter("run")
    enter("run")
    endpoint = had(supervisor, run)
    part = supervisor.checkout(run, "client", run.servers["redis"])
    with driver.Redis.from_url(part.endpoint.url) as client:
        client.set("mine", 1)
        supervisor.leave(run, "client")
        assert client.dbsize() == 0
    assert endpoint == had(supervisor, run)


def test_what_a_run_has_to_itself_ends_with_its_last_client(
    supervisor: Supervisor, enter: Callable[[str], Run]
) -> None:
    """Not with the first of its workers, and no other run's server with it."""
    run, other = enter("run"), enter("other")
    enter("run")
    had(supervisor, run, OWN)
    kept = had(supervisor, other)
    (mine,) = (s for s in supervisor.status() if s["url"] != kept.safe_url)
    supervisor.leave(run, "worker")
    assert len(supervisor.status()) == 2
    supervisor.leave(run, "another worker")
    assert [s["url"] for s in supervisor.status()] == [kept.safe_url]
    wait_until(lambda: not psutil.pid_exists(int(mine["id"])), "the server has ended")


def test_a_run_that_is_over_holds_no_server(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """Also where it left while one was being started for it."""
    run = enter("run")
    supervisor.leave(run, "client")
    had(supervisor, run, OWN)
    assert supervisor.status() == []


def test_what_a_run_has_to_itself_is_not_the_shared_one(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """One run may ask for both."""
    run = enter("run")
    assert had(supervisor, run).url != had(supervisor, run, OWN).url


def test_a_dedicated_server_is_none_of_another_machine(
    supervisor: Supervisor, enter: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether the run writes; a shared one may be there, for tests that are safe."""
    far = ExternalServer(Endpoint("redis", "explicit", "redis://db.example.org:1", None, remote="db.example.org"))
    monkeypatch.setattr(explicit.PROVIDER, "obtain", lambda *_: far)
    shared = ServiceRequest("redis", ("explicit",), "the test")
    assert had(supervisor, enter("reading"), shared) == far.endpoint
    refused = supervisor.resolve(enter("writing"), replace(shared, dedicated=Dedicated()))
    assert (refused.endpoint, refused.reason and refused.reason.code) == (None, Code.DESTRUCTIVE)


def test_two_runs_at_once_start_one_server(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """The second waits for what the first one starts."""
    runs = [enter("one"), enter("two")]
    together, found = threading.Barrier(2), []

    def resolve(run: Run) -> None:
        together.wait(30)
        found.append(had(supervisor, run).url)

    threads = [threading.Thread(target=resolve, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert len({*found}) == len(supervisor.status()) == 1


def test_a_server_that_dies_is_told_and_replaced(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """The run that has it hears of it, and the next one has another."""
    run = enter("run")
    had(supervisor, run)
    assert supervisor.dead(run, ["redis", "postgres"]) == []
    (server,) = supervisor.status()
    psutil.Process(int(server["id"])).kill()
    wait_until(lambda: bool(supervisor.dead(run, ["redis"])), "the run hears of it")
    had(supervisor, enter("next"))
    (another,) = supervisor.status()
    assert (another["died"], another["id"] != server["id"]) == (None, True)


def test_only_who_was_alone_is_to_blame(supervisor: Supervisor, enter: Callable[[str], Run]) -> None:
    """Once another client has come, it may have been that one."""
    run = enter("run")
    had(supervisor, run)
    alone = supervisor.checkout(run, "client", run.servers["redis"]).name
    assert supervisor.leaked("client", alone) == ([], True)
    enter("run")
    assert supervisor.leaked("client", alone) == ([], False)
    together = supervisor.checkout(run, "client", run.servers["redis"]).name
    assert supervisor.leaked("client", together) == ([], False)


def test_another_port_where_somebody_was_faster(
    supervisor: Supervisor, enter: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment in which a port is found free and the start of the server another process may take it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ports = chain([port], repeat(0))
        free = embedded._free_port
        monkeypatch.setattr(embedded, "_free_port", lambda: next(ports) or free())
        endpoint = had(supervisor, enter("run"))
    assert urlsplit(endpoint.url).port != port
