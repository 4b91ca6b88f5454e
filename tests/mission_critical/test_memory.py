"""The backend's memory is steady: what a session took is given back when it is over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.load import concurrently
from test_framework.e2e.memory import MemoryWatch
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment
    from test_framework.resolution import Endpoint

pytestmark = pytest.mark.mission_critical

_SAMPLES = 12
_SESSIONS = 10
_AT_ONCE = 5


def test_memory_is_steady_over_sessions(
    backend: Endpoint, deployment: Deployment, framework_settings: Settings
) -> None:
    """Register, connect, have a run, leave: memory per session is below `growth_mb_per_session` of the settings."""
    watch = MemoryWatch.of(backend.url)

    def session() -> None:
        with User.temporary(deployment, "memory") as user, user.connect() as socket:
            socket.run("calc: 6 * 7")

    async def sessions() -> None:
        await concurrently(_SESSIONS, lambda _: asyncio.to_thread(session), at_once=_AT_ONCE)

    for _ in range(_SAMPLES):
        asyncio.run(sessions())
        watch.sample()
    watch.check(framework_settings.levels.growth_mb_per_session, _SESSIONS)
