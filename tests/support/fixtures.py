"""Fixtures for tests that run pytest on throw-away projects, once for each provider that can start servers."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from test_framework.plugin.lease import ReasonedSkip
from test_framework.providers.docker.probe import probe
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, is_loopback, moved
from test_framework.staging.front import Front, relay
from tests.support.checkout import SERVICES, Checkout
from tests.support.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "checkout",
    "docker_env",
    "docker_here",
    "docker_place",
    "embedded_place",
    "here",
    "near",
    "place",
    "provider",
]


@pytest.fixture(scope="session")
def docker_env() -> dict[str, str]:
    """Return the variables that name the engine; the test is skipped where there is none, or none with our images."""
    try:
        env = probe(os.environ, seconds=5).environment()
    except Refused as refused:
        raise ReasonedSkip(refused.reason) from refused
    with Place(env) as place:
        found = Checkout(place, "docker").json("doctor")["services"]
    for service in SERVICES:
        for attempt in found[service]["attempts"]:
            if attempt["provider"] == "docker" and attempt["code"]:
                raise ReasonedSkip(Reason.from_json(attempt))
    return env


@pytest.fixture(scope="session")
def docker_here(docker_env: dict[str, str]) -> None:
    """Skip a test that needs the engine's ports, files or network on this machine where the engine is on another."""
    host = docker_env["DOCKER_HOST"]
    if not host.startswith("unix://"):
        raise ReasonedSkip(Reason.of(Code.ENGINE_ELSEWHERE, service="what the test starts", host=host))


@pytest.fixture
def here(request: pytest.FixtureRequest, provider: str) -> None:
    """Do the same where the test is about Docker."""
    if provider == "docker":
        request.getfixturevalue("docker_here")


@pytest.fixture
def docker_place(docker_env: dict[str, str]) -> Iterator[Place]:
    """Return a place for projects whose servers are containers; what a failed test has left there is removed."""
    with Place(docker_env) as made:
        yield made


@pytest.fixture
def embedded_place() -> Iterator[Place]:
    """Return a place for projects that start no container; what a failed test has left there is removed."""
    with Place() as made:
        yield made


@pytest.fixture
def near() -> Iterator[Callable[[str], str]]:
    """Return what gives a server's URL another form that is of this machine, wherever its container runs."""
    with ExitStack() as stack:

        def bring(url: str) -> str:
            parts = urlsplit(url)
            if is_loopback(parts.hostname or ""):
                return url
            front = stack.enter_context(Front(relay(parts.hostname or "", parts.port or 0)))
            return moved(url, "127.0.0.1", front.port)

        yield bring


@pytest.fixture(params=["embedded", pytest.param("docker", marks=pytest.mark.docker_required)])
def provider(request: pytest.FixtureRequest) -> str:
    """Return the provider that the test is about."""
    return str(request.param)


@pytest.fixture
def place(request: pytest.FixtureRequest, provider: str) -> Place:
    """Return a place for projects on one provider."""
    found: Place = request.getfixturevalue(f"{provider}_place")
    return found


@pytest.fixture
def checkout(place: Place, provider: str) -> Checkout:
    """Return a project on one provider; with Docker it uses one service, whose container starts in half the time."""
    return Checkout(place, provider, SERVICES if provider == "embedded" else ("redis",))
