"""The deployment that the variables name. Nobody asks it anything before its addresses are allowed and answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from test_framework.e2e.deployment import BadDeployment, Deployment
from test_framework.resolution import Endpoint
from test_framework.staging.probe import StagingProbe
from test_framework.staging.steps import check
from tests.support.staging import judge

if TYPE_CHECKING:
    from test_framework.config import Settings

BACKEND = "STAGING_BACKEND_URL"
BESIDE = ("STAGING_AUTH_URL", "STAGING_WEBSOCKET_URL")


@pytest.fixture(scope="session")
def deployment(framework_settings: Settings) -> Deployment:
    """Return the addresses; the first that does not answer ends each test that needs them, with its own reason."""
    for variable in (BACKEND, *(name for name in BESIDE if os.environ.get(name))):
        judge(check(os.environ.get(variable), variable, framework_settings.allowed_hosts, os.environ)[-1].reason)
    try:
        backend = Endpoint("backend", "staging", os.environ[BACKEND], None)
        return Deployment.of(backend, os.environ, framework_settings.allowed_hosts, framework_settings.e2e)
    except BadDeployment as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def probe(deployment: Deployment) -> StagingProbe:
    """Return what asks the deployment about itself."""
    return StagingProbe(deployment, os.environ)


@pytest.fixture(scope="session")
def run_id() -> str:
    """Return what the accounts that this run makes have in their names."""
    return uuid4().hex[:8]
