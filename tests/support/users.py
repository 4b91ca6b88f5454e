"""Fixtures for tests that use the backend as its users do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.deployment import Deployment
from test_framework.e2e.events import EventRecorder
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.e2e.websocket import WebSocketClient
    from test_framework.verdict import Endpoint

__all__ = ["deployment", "event_schema", "recorder", "socket", "user"]


@pytest.fixture(scope="session")
def deployment(backend: Endpoint) -> Deployment:
    """Where the backend of this run is."""
    return Deployment.of(backend, os.environ)


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
