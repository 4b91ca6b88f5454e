"""Each configured address of staging answers, step by step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.staging import URLS
from test_framework.staging.steps import check
from tests.support.staging import judge, latencies

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment

WEBSOCKET = "STAGING_WEBSOCKET_URL"

pytestmark = [pytest.mark.staging, pytest.mark.connectivity_check]


@pytest.mark.parametrize("variable", [name for name in URLS if name != WEBSOCKET])
def test_the_address_answers(variable: str, framework_settings: Settings, request: pytest.FixtureRequest) -> None:
    """Name, TCP, TLS and HTTP work, each within its bound; the latencies go into the JUnit report."""
    steps = check(os.environ.get(variable), variable, framework_settings.allowed_hosts, os.environ)
    request.node.user_properties.extend(latencies(variable, steps))
    judge(steps[-1].reason)
    assert [s.name for s in steps][:3] == ["configuration", "name", "tcp"]


def test_the_websocket_answers(framework_settings: Settings, request: pytest.FixtureRequest) -> None:
    """The WebSocket is where its variable says, and without that at /ws of the backend."""
    url, source = os.environ.get(WEBSOCKET), WEBSOCKET
    if not url:
        deployment: Deployment = request.getfixturevalue("deployment")
        url, source = deployment.websocket_url, "STAGING_BACKEND_URL"
    steps = check(url, source, framework_settings.allowed_hosts, os.environ)
    request.node.user_properties.extend(latencies(source, steps))
    judge(steps[-1].reason)
    assert steps[-1].name == "websocket"
