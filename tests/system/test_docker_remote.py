"""Containers on another machine, through TLS and through ssh: where they are, and that nothing is left there."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import pytest
from docker.errors import DockerException

from test_framework.providers.docker.client import connect
from test_framework.providers.docker.probe import probe
from tests.support.checkout import Checkout
from tests.support.custom_services import STORE, project
from tests.support.execs import Execs

if TYPE_CHECKING:
    from tests.support.place import Place
    from tests.support.remote_machine import RemoteMachine

_FIRST_PORT = 32768
_PORTS = 200
_ANSWER_SECONDS = 5
_WAYS = ("tls", "ssh")


@pytest.mark.parametrize("remote_place", [*_WAYS, "alias", "socket"], indirect=True)
def test_servers_are_on_the_other_machine(remote_place: Place, remote_machine: RemoteMachine) -> None:
    """The tests connect to it, also where only ssh knows its name; no host has to be allowed, and nothing is left."""
    checkout = Checkout(remote_place, "docker", ("redis",))
    run = checkout.start_held()
    (identity,) = remote_place.containers()
    (server,) = checkout.status()[0]["servers"]
    assert server["id"] == identity
    assert f"@{remote_machine.address}:" in server["url"]
    checkout.go()
    run.passed()
    assert set(run.outcomes().values()) == {"passed"}
    remote_place.is_empty()


@pytest.mark.parametrize("remote_place", ["tls", "alias"], indirect=True)
def test_a_class_waits_where_the_container_is(remote_place: Place, remote_machine: RemoteMachine) -> None:
    """A class of testcontainers, too, is told by which name we reach the machine."""
    tests = (
        "from redis import Redis\n\n\ndef test_it(store):\n"
        f"    assert '//{remote_machine.address}:' in store.url\n"
        "    with Redis.from_url(store.url) as client:\n        assert client.ping()\n"
    )
    run = project(remote_place, "docker", STORE, tests).run()
    assert run.outcomes() == {"test_it": "passed"}, run.output
    remote_place.is_empty()


def test_what_listens_here_on_the_same_port_is_not_it(remote_place: Place) -> None:
    """Two engines give out the same ports: that of another machine is not looked for on this one."""
    with ExitStack() as stack:
        for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
            # Some may be taken, which is as good.
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        Checkout(remote_place, "docker", ("redis",)).run().passed()
    remote_place.is_empty()


def test_killed_supervisor(remote_place: Place) -> None:
    """Its guard removes the container there, whatever authorities the environment names for the web."""
    checkout = Checkout(remote_place, "docker", ("redis",), env={"REQUESTS_CA_BUNDLE": str(remote_place.path)})
    run = checkout.start_held()
    (supervisor,) = remote_place.supervisors()
    assert remote_place.containers()
    os.kill(supervisor, signal.SIGKILL)
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED, run.output
    remote_place.is_empty()


def test_a_port_of_this_machine_is_not_to_be_had_there(remote_place: Place) -> None:
    """Who asks for a server on a port of this machine is told so, and gets one of this machine."""
    execs = Execs(Checkout(remote_place, "docker,embedded"))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    done = execs.run("--service", "redis", "--port", f"redis={port}", "--", "printenv", "REDIS_PORT")
    assert (done.returncode, done.stdout.strip()) == (0, str(port))
    assert "on embedded" in done.stderr
    assert "docker: engine-elsewhere" in done.stderr
    remote_place.is_empty()


@pytest.mark.parametrize("way", _WAYS)
def test_an_engine_that_hangs_is_not_waited_for(way: str, remote_machine: RemoteMachine) -> None:
    """Each answer has a bound, through ssh too."""
    env = os.environ | remote_machine.env(way)
    with closing(connect(probe(env, seconds=_ANSWER_SECONDS), env, _ANSWER_SECONDS)) as client:
        assert client.ping()
        with remote_machine.suspended():
            begun = time.monotonic()
            with pytest.raises((DockerException, OSError)):
                client.version()
            assert time.monotonic() - begun < 3 * _ANSWER_SECONDS
        assert client.ping(), "over a new connection"
