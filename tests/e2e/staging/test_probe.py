"""What only staging itself can tell: whether it lets us in, what it sees in its network, how it is configured."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.resolution import Refused
from test_framework.staging import drift
from tests.support.staging import judge, latencies

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment
    from test_framework.staging.probe import StagingProbe
    from test_framework.staging.steps import CheckStep

pytestmark = [pytest.mark.staging, pytest.mark.connectivity_check]

DEPENDENCIES = ("database", "cache", "analytics", "language_model")


@pytest.fixture(scope="module")
def dependencies(probe: StagingProbe) -> dict[str, CheckStep]:
    """Return what the deployment says of its dependencies."""
    try:
        return probe.dependencies()
    except Refused as refused:
        judge(refused.reason)
        raise


@pytest.fixture(scope="module")
def told(probe: StagingProbe) -> dict[str, Any]:
    """Return what the deployment says of its configuration."""
    try:
        return probe.configuration()
    except Refused as refused:
        judge(refused.reason)
        raise


def test_the_account_gets_in(probe: StagingProbe, request: pytest.FixtureRequest) -> None:
    """The token that we were given is good, or the user's password is."""
    begin = time.monotonic()
    step = probe.login()
    request.node.user_properties.extend(latencies("staging", [step]))
    judge(step.reason)
    assert 0 < step.seconds <= time.monotonic() - begin


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_the_backend_reaches_its_dependency(
    name: str, dependencies: dict[str, CheckStep], request: pytest.FixtureRequest
) -> None:
    """Seen from inside the network, where tests often cannot look themselves; the latency is the backend's own."""
    step = dependencies[name]
    request.node.user_properties.extend(latencies("inside", [step]))
    judge(step.reason)
    assert step.seconds >= 0


def test_the_schema_is_that_of_the_version(told: dict[str, Any], deployment: Deployment) -> None:
    """The database has had the migrations of the version that is deployed, and no others."""
    judge(*drift.schema(told, deployment.backend_url))
    assert told["schema"]["current"]


def test_the_settings_are_as_expected(
    told: dict[str, Any], deployment: Deployment, framework_settings: Settings
) -> None:
    """Each key of `expect` in the settings has the value that stands there."""
    judge(*drift.expected(told, deployment.backend_url, framework_settings))
    assert told["settings"]


def test_the_addresses_are_those_of_the_deployment(told: dict[str, Any], deployment: Deployment) -> None:
    """The tests are told of the database, the keyspace and the frontend that the deployment itself uses."""
    judge(*drift.addresses(told, deployment.backend_url, os.environ))
    assert told["settings"]
