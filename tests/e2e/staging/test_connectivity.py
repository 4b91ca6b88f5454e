"""Each configured address of staging answers, step by step."""

from __future__ import annotations

import os

import pytest

from test_framework.config import load
from test_framework.plugin.lease import ReasonedSkip
from test_framework.staging import URLS
from test_framework.staging.steps import check

pytestmark = [pytest.mark.staging, pytest.mark.connectivity_check]


@pytest.mark.parametrize("variable", URLS)
def test_the_address_answers(variable: str, request: pytest.FixtureRequest) -> None:
    """Name, TCP, TLS and HTTP work, each within its bound; the latencies go into the JUnit report."""
    settings = load(request.config.rootpath)
    steps = check(os.environ.get(variable), variable, settings.allowed_hosts, os.environ)
    seconds = [(f"{variable}.{step.name}.seconds", round(step.seconds, 4)) for step in steps]
    request.node.user_properties.extend(seconds)
    reason = steps[-1].reason
    if reason and not reason.broken:
        raise ReasonedSkip(reason)
    assert reason is None, f"{steps[-1].name}: {reason}"
    assert [s.name for s in steps][:3] == ["configuration", "name", "tcp"]
