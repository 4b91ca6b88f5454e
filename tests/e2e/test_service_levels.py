"""The service levels of the settings, held by as many users at once as the settings say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.levels import LEVELS, Measurements
from tests.support.users import ask_at_once, many

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment

pytestmark = [pytest.mark.e2e, pytest.mark.staging_safe]


@pytest.mark.parametrize("text", ["calc: 6 * 7", "timer: 1.5"], ids=["a quick tool", "a slow tool"])
def test_users_at_once_are_served_in_time(
    deployment: Deployment,
    framework_settings: Settings,
    request: pytest.FixtureRequest,
    text: str,
) -> None:
    """Connection, first event, result and the latency of events; a tool's own time is not latency."""
    levels, measured = framework_settings.levels, Measurements()
    with many(deployment, "levels", levels.concurrent_users) as users:
        asyncio.run(ask_at_once(users, measured, text))
    for name in LEVELS:
        told = measured.percentiles(name).items()
        request.node.user_properties.extend((f"{name}.{key}", round(value, 4)) for key, value in told)
    assert measured.percentiles("connect")["count"] == levels.concurrent_users
    measured.check(levels)
