"""Nothing waits for ever: who is stopped, or says a byte a second, is named in time, and holds up nobody else."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import LOST, SERVICES, Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.place import Place

pytestmark = pytest.mark.mission_critical

_RUN_SECONDS = 90.0
_WARM = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process, for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "it is stopped")
    try:
        yield
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def redis(embedded_place: Place) -> Checkout:
    """Return a project that needs an embedded Redis."""
    return Checkout(embedded_place, "embedded", ("redis",))


class TestStoppedSupervisor:
    """A supervisor that was stopped by SIGSTOP."""

    def test_in_mid_run(self, redis: Checkout) -> None:
        """The tests that follow fail, each with the process; the second of them does not wait once more."""
        run = redis.start_held()
        (supervisor,) = redis.place.supervisors()
        with stopped(supervisor):
            redis.go()
            assert run.end(_RUN_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
        assert run.outcomes() == LOST
        assert f"process {supervisor} holds the servers and does not answer: it is stopped" in run.output
        assert "clean --force" in run.output
        redis.place.is_empty()

    def test_before_a_run(self, redis: Checkout) -> None:
        """A run that comes to a stopped supervisor names it, and starts no second one."""
        redis.run(env=_WARM).passed()
        (supervisor,) = redis.place.supervisors()
        with stopped(supervisor):
            run = redis.start(env=_WARM)
            assert run.end(_RUN_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
        assert set(run.outcomes().values()) == {"error"}
        assert f"process {supervisor} holds the servers and does not answer: it is stopped" in run.output
        assert redis.place.supervisors() == [supervisor]
        assert redis.command("clean").returncode == 0
        redis.place.is_empty()

    def test_status_and_clean(self, redis: Checkout) -> None:
        """Both say who holds the servers and exit 1; `clean --force` ends it, and what it held."""
        redis.run(env=_WARM).passed()
        (supervisor,) = redis.place.supervisors()
        told = f"process {supervisor} holds the servers and does not answer: it is stopped, as by SIGSTOP or Ctrl-Z"
        with stopped(supervisor):
            status = redis.command("status")
            assert (status.returncode, status.stderr) == (1, "")
            assert f"supervisor {supervisor} of {redis.root}: {told}\n" in status.stdout
            as_json = redis.command("status", "--json")
            assert as_json.returncode == 1
            assert [(s["pid"], s["error"]) for s in json.loads(as_json.stdout)] == [(supervisor, told)]
            clean = redis.command("clean")
            assert (clean.returncode, clean.stdout, clean.stderr) == (1, "", f"{told}; --force kills it\n")
            forced = redis.command("clean", "--force")
            assert (forced.returncode, forced.stderr) == (0, "")
            assert forced.stdout == f"killed supervisor {supervisor}, which did not answer, and its servers\n"
        assert redis.command("status").stdout == "No supervisor is running, so no servers are warm.\n"
        redis.place.is_empty()

    def test_of_another_project(self, redis: Checkout) -> None:
        """`clean --force` leaves a stopped supervisor of another project alone; `status` tells of it."""
        redis.run(env=_WARM).passed()
        (supervisor,) = redis.place.supervisors()
        other = Checkout(redis.place, "embedded", ("redis",), name="other")
        with stopped(supervisor):
            assert other.command("clean", "--force").returncode == 0
            assert f"process {supervisor} holds the servers" in other.command("status").stdout
        assert redis.command("clean").returncode == 0
        redis.place.is_empty()


class TestClients:
    """Clients of a supervisor that hold up nobody else."""

    def test_that_stops_in_mid_message(self, redis: Checkout) -> None:
        """Half a message, and one without a lease that stays, keep no supervisor alive, and no other client waiting."""
        run = redis.start_held()
        (path,) = redis.place.runtime.glob("*/*/socket")
        with socket.socket(socket.AF_UNIX) as half, socket.socket(socket.AF_UNIX) as silent:
            for sock in (half, silent):
                sock.connect(str(path))
            half.sendall(b'{"op": "hel')
            assert redis.status()[0]["servers"], "it answers others"
            redis.go()
            run.passed()
            wait_until(lambda: not path.exists(), "the supervisor ends, though they are connected", _RUN_SECONDS)
        redis.place.is_empty()


class TestStoppedServer:
    """A server that was stopped by SIGSTOP in mid-run."""

    @pytest.mark.parametrize("service", SERVICES)
    def test_embedded(self, embedded_place: Place, service: str) -> None:
        """The tests that follow fail with the process that is stopped; the server is ended all the same."""
        checkout = Checkout(embedded_place, "embedded", (service,))
        run = checkout.start_held()
        identity = checkout.servers()[service]
        for process in (psutil.Process(int(identity)), *psutil.Process(int(identity)).children()):
            process.suspend()
        checkout.go()
        assert run.end(_RUN_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
        assert run.outcomes() == LOST, run.output
        told = f"server-hangs: {service} on embedded is running but does not answer: process {identity} is stopped"
        assert run.output.count(told) >= 2, run.output
        embedded_place.is_empty()

    def test_container(self, docker_place: Place) -> None:
        """A container that is paused is waited for once, and not by each test."""
        checkout = Checkout(docker_place, "docker", ("redis",))
        run = checkout.start_held()
        assert docker_place.client is not None
        docker_place.client.api.pause(checkout.servers()["redis"])
        checkout.go()
        assert run.end(_RUN_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
        assert run.outcomes() == LOST | {"test_after[0]": "failed"}, run.output
        told = "server-hangs: redis on docker is running but does not answer: no whole answer within 10 s"
        assert run.output.count(told) >= 2, run.output
        docker_place.is_empty()
