"""Pulls from a real registry on this machine, and each way in which one refuses."""

from __future__ import annotations

import socket
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from docker.errors import DockerException

from tests.support.checkout import Checkout
from tests.support.engine import redis_layer
from tests.support.registry import Registry, serving

if TYPE_CHECKING:
    from tests.support.place import Place
    from tests.support.run import Run

pytestmark = [pytest.mark.docker_required, pytest.mark.usefixtures("docker_here")]

_BOUND_SECONDS = 30.0
"""More than a probe and a pull of a second need on a busy machine; far less than the pull's own bound."""


def check(place: Place, image: str, code: str, **env: str) -> Run:
    """Assert that doctor and a run both give this code, in time, and that the run goes on to embedded servers."""
    checkout = Checkout(place, "docker,embedded", ("redis",), env={"TEST_FRAMEWORK_REDIS_IMAGE": image, **env})
    (told,) = (a for a in checkout.json("doctor")["services"]["redis"]["attempts"] if a["provider"] == "docker")
    assert (told["code"], told["kind"]) == (code, "unavailable")
    assert told["seconds"] < _BOUND_SECONDS
    run = checkout.run()
    run.passed()
    told = run.attempt("redis", "docker")
    assert (told["code"], told["kind"]) == (code, "unavailable")
    assert image in told["message"]
    assert run.report["services"]["redis"]["provider"] == "embedded"
    return run


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "image-missing"),
        (HTTPStatus.FORBIDDEN, "DENIED", "image-missing"),
        (HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "pull-rate-limited"),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "registry-unreachable"),
    ],
)
def test_registry_that_refuses(docker_place: Place, status: int, error: str, code: str) -> None:
    """What the registry answers decides what is told."""
    with serving(Registry(status=status, error=error)) as registry:
        check(docker_place, registry.image, code)
        assert registry.asked


def test_registry_that_is_not_there(docker_place: Place) -> None:
    """A registry whose port is closed is unreachable."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        check(docker_place, f"127.0.0.1:{sock.getsockname()[1]}/redis:8", "registry-unreachable")


def test_registry_that_hangs(docker_place: Place) -> None:
    """A registry that accepts and never answers is given up after the time that is set for a pull."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        image = f"127.0.0.1:{sock.getsockname()[1]}/redis:8"
        run = check(docker_place, image, "registry-unreachable", TEST_FRAMEWORK_PULL_SECONDS="1")
    assert run.attempt("redis", "docker")["seconds"] < _BOUND_SECONDS


def test_image_that_is_pulled(docker_place: Place) -> None:
    """An image that only the registry has is pulled, with a line of progress, and the tests run on it."""
    client = docker_place.client
    assert client is not None
    with serving(Registry(redis_layer())) as registry:
        env = {"TEST_FRAMEWORK_REDIS_IMAGE": registry.image}
        checkout = Checkout(docker_place, "docker", ("redis",), env=env)
        try:
            checkout.run().passed()
        finally:
            with suppress(DockerException):
                client.images.remove(registry.image, force=True)
    assert f"pulling {registry.image}" in docker_place.log()
    docker_place.is_empty()
