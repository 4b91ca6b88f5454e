"""Containers that do not become servers: each is a failure that quotes the container's log, never a skip."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from docker.errors import DockerException

from test_framework.services import get
from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from tests.support.place import Place
    from tests.support.run import Run

pytestmark = pytest.mark.docker_required

_END_SECONDS = 45.0

Build = Callable[[str, str], str]


@pytest.fixture
def build(docker_place: Place) -> Iterator[Build]:
    """Return what makes an image of lines that follow a service's own image, and removes it in the end."""
    client = docker_place.client
    assert client is not None
    made: list[str] = []

    def make(service: str, lines: str) -> str:
        base = os.environ.get(f"TEST_FRAMEWORK_{service.upper()}_IMAGE") or get(service).default_image
        name = f"tests/faulty-{os.getpid()}-{len(made)}:8"
        client.images.build(fileobj=io.BytesIO(f"FROM {base}\n{lines}\n".encode()), tag=name, rm=True, forcerm=True)
        made.append(name)
        return name

    yield make
    for name in made:
        with suppress(DockerException):
            client.images.remove(name, force=True)


def run_on(place: Place, service: str, image: str, **env: str) -> Run:
    """Run tests that need the service on that image, to their end, which has to be red and leave nothing."""
    checkout = Checkout(place, "docker,embedded", (service,))
    run = checkout.start(env={f"TEST_FRAMEWORK_{service.upper()}_IMAGE": image, **env})
    assert run.end(_END_SECONDS) == pytest.ExitCode.TESTS_FAILED, run.output
    assert set(run.outcomes().values()) == {"error"}
    place.is_empty()
    return run


def test_container_that_exits(docker_place: Place, build: Build) -> None:
    """A container that exits at once is `start-failed`, with its status and its last words."""
    run = run_on(docker_place, "redis", build("redis", 'ENTRYPOINT ["sh", "-c", "echo no licence >&2; exit 7"]'))
    told = run.attempt("redis", "docker")
    assert (told["code"], told["kind"]) == ("start-failed", "broken")
    assert told["message"].endswith("exited 7")
    assert "The end of the server's log:\nno licence" in run.output


def test_program_that_is_not_there(docker_place: Place, build: Build) -> None:
    """An image whose program is missing is `start-failed`, in the engine's own words."""
    run = run_on(docker_place, "redis", build("redis", 'ENTRYPOINT ["/nope"]'))
    told = run.attempt("redis", "docker")
    assert told["code"] == "start-failed"
    assert "/nope" in told["message"]


def test_server_that_never_answers(docker_place: Place, build: Build) -> None:
    """A container that runs and never answers is `health-timeout`, after the time that is set, with its log."""
    image = build("redis", 'ENTRYPOINT ["sh", "-c", "echo still loading; exec sleep 60"]')
    run = run_on(docker_place, "redis", image, TEST_FRAMEWORK_START_SECONDS="2")
    told = run.attempt("redis", "docker")
    assert (told["code"], told["kind"]) == ("health-timeout", "broken")
    assert 2 <= told["seconds"] < _END_SECONDS
    assert "The end of the server's log:\nstill loading" in run.output


def test_server_that_dies_before_it_answers(docker_place: Place, build: Build) -> None:
    """A container that ends while it is asked whether it is healthy fails at once, and not when the time is over."""
    image = build("redis", 'ENTRYPOINT ["sh", "-c", "sleep 0.5; echo out of memory; exit 9"]')
    told = run_on(docker_place, "redis", image).attempt("redis", "docker")
    assert told["code"] == "start-failed"
    assert told["message"].endswith("exited 9")


def test_password_that_is_ignored(docker_place: Place, build: Build) -> None:
    """An image that sets another password than the one it is given is `start-failed`: nobody could log in."""
    entrypoint = "POSTGRES_PASSWORD=other exec docker-entrypoint.sh postgres"
    run = run_on(docker_place, "postgres", build("postgres", f'ENTRYPOINT ["sh", "-c", "{entrypoint}"]'))
    told = run.attempt("postgres", "docker")
    assert (told["code"], told["kind"]) == ("start-failed", "broken")
    assert "password authentication failed" in told["message"]
    assert "The end of the server's log:" in run.output
