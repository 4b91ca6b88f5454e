"""Fixtures for tests that use the backend as its users do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.deployment import Deployment
from test_framework.e2e.events import EventRecorder
from test_framework.e2e.load import concurrently
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.config import Settings
    from test_framework.e2e.levels import Measurements
    from test_framework.e2e.websocket import WebSocketClient
    from test_framework.resolution import Endpoint

__all__ = ["ask_at_once", "deployment", "event_schema", "many", "recorder", "socket", "user"]

_REGISTER_AT_ONCE = 8


@pytest.fixture(scope="session")
def deployment(backend: Endpoint, framework_settings: Settings) -> Deployment:
    """Where the backend of this run is."""
    return Deployment.of(backend, os.environ, framework_settings.allowed_hosts, framework_settings.e2e)


@pytest.fixture(scope="session")
def event_schema(deployment: Deployment) -> dict[str, Any]:
    """The schema of events, as the backend publishes it."""
    with deployment.http(deployment.backend_url) as http:
        schema: dict[str, Any] = http.get("/schemas/events.json").raise_for_status().json()
    return schema


@pytest.fixture
def user(deployment: Deployment) -> Iterator[User]:
    """Somebody new; his account is deleted after the test."""
    with User.temporary(deployment) as user:
        yield user


@pytest.fixture
def recorder(event_schema: dict[str, Any]) -> EventRecorder:
    """What keeps the events that the user receives."""
    return EventRecorder(event_schema)


@pytest.fixture
def socket(user: User, recorder: EventRecorder) -> Iterator[WebSocketClient]:
    """A connection of the user, which records its events."""
    with user.connect(recorder=recorder) as socket:
        yield socket


@contextmanager
def many(deployment: Deployment, run_id: str, count: int) -> Iterator[list[User]]:
    """Register so many users, and delete them afterwards, also when not all could be registered."""
    with ThreadPoolExecutor(_REGISTER_AT_ONCE) as pool:
        made = [pool.submit(User.new, deployment, run_id) for _ in range(count)]
        try:
            yield [each.result() for each in made]
        finally:
            list(pool.map(_forget, [each.result() for each in made if not each.exception()]))


def _forget(user: User) -> None:
    with user:
        user.forget()


async def ask_at_once(users: Sequence[User], measured: Measurements, text: str = "calc: 6 * 7") -> None:
    """Let all users connect and have a run, at the same time, and measure it."""

    async def ask(index: int) -> None:
        with measured.measure("connect"):
            socket = await users[index].connect_async()
        async with socket:
            accepted, events = await socket.run(text)
        measured.add_run(accepted.sent, events)

    await concurrently(len(users), ask)
