"""Base classes for people who prefer classes. Both leave nothing open or behind.

They take the fixture `system_under_test`: the service that `[tool.test_framework.e2e]` names.
"""

from __future__ import annotations

import os
import unittest
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.deployment import Deployment
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.e2e.websocket import AsyncWebSocketClient, WebSocketClient
    from test_framework.resolution import Endpoint

__all__ = ["AsyncWebSocketTestCase", "WebSocketTestCase"]


class WebSocketTestCase:
    """Base of classes of ordinary tests; `self.user` is new for each test and deleted after it."""

    deployment: Deployment
    user: User
    _open: ExitStack

    @pytest.fixture(autouse=True)
    def _user_of_deployment(self, system_under_test: Endpoint, framework_settings: Settings) -> Iterator[None]:
        self.deployment = _deployment(system_under_test, framework_settings)
        with User.temporary(self.deployment) as self.user, ExitStack() as self._open:
            yield

    def connect(self, **options: Any) -> WebSocketClient:
        """Return a connection of the user, closed after the test; `options` as for `WebSocketClient.connect`."""
        return self._open.enter_context(self.user.connect(**options))


class AsyncWebSocketTestCase(unittest.IsolatedAsyncioTestCase):
    """Base of classes of tests that are coroutines; `self.user` is new for each test and deleted after it."""

    deployment: Deployment
    user: User

    @pytest.fixture(autouse=True)
    def _user_of_deployment(self, system_under_test: Endpoint, framework_settings: Settings) -> Iterator[None]:
        self.deployment = _deployment(system_under_test, framework_settings)
        with User.temporary(self.deployment) as self.user:
            yield

    async def connect(self, **options: Any) -> AsyncWebSocketClient:
        """Return a connection of the user, closed after the test; `options` as for `AsyncWebSocketClient.connect`."""
        return await self.enterAsyncContext(await self.user.connect_async(**options))


def _deployment(endpoint: Endpoint, settings: Settings) -> Deployment:
    return Deployment.of(endpoint, os.environ, settings.allowed_hosts, settings.e2e)
