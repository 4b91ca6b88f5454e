"""The tier e2e-staging against a stand-in: it passes where all is well, and says of each broken thing what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from test_framework.staging.faults import FAULTS
from tests.support.place import Place
from tests.support.stand_in import StandIn, Tier, run_tier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0
"""A test of a deployment that does not answer ends within its bounds; most of this is for a busy machine."""

ALSO = {"database-down": {"http-error"}}
"""What follows from a fault beside its own reason: nobody logs in to a backend that has no database."""
WORDS = {
    "unresolved-name": "backend.invalid",
    "expired-certificate": "expired",
    "wrong-certificate-name": "not valid for 'localhost'",
    "database-down": "its database is down",
    "drifted-configuration": "another-backend",
    "slow-events": "event_latency",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """A place whose servers the stand-ins share."""
    with Place() as place:
        yield place


@pytest.fixture(scope="module")
def healthy(shared: Place) -> Iterator[StandIn]:
    """A stand-in of which nothing is broken; it holds the servers for the others."""
    with StandIn(shared) as stand_in:
        yield stand_in


def accounts(stand_in: StandIn) -> list[str]:
    """Return the addresses of all accounts that its backend knows."""
    with psycopg.connect(stand_in.variables["STAGING_POSTGRES_URL"]) as connection:
        return [row[0] for row in connection.execute("SELECT email FROM users")]


def hides(stand_in: StandIn, *texts: str) -> None:
    """Assert that no password stands in what was printed or reported."""
    assert len(stand_in.secrets) == 3
    assert [secret for secret in stand_in.secrets if secret in "".join(texts)] == []


def test_the_tier_passes(healthy: StandIn, tmp_path: Path) -> None:
    """All that a stand-in has is checked; the rest is skipped with what to set. No account of the run stays."""
    tier = healthy.tier(tmp_path)
    assert tier.status == 0, tier.output
    assert tier.report["outcome"] == "passed"
    assert sorted(skip["remedy"] for skip in tier.report["skips"]) == [
        "Set STAGING_CLICKHOUSE_URL.",
        "Set STAGING_FRONTEND_URL.",
        "Set it in the deployment.",
    ]
    assert tier.report["services"]["backend"]["provider"] == "staging"
    assert accounts(healthy) == [healthy.variables["STAGING_USERNAME"]]
    hides(healthy, healthy.output, tier.output, tier.junit, str(tier.report))


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_broken_is_named(name: str, shared: Place, healthy: StandIn, tmp_path: Path) -> None:
    """The run is red, in time, with the reason of this fault and no other."""
    with StandIn(shared, "--broken", name) as stand_in:
        tier = stand_in.tier(tmp_path, levels=name == "slow-events")
    assert tier.status != 0, tier.output
    assert tier.codes == {"not-configured", FAULTS[name].code} | ALSO.get(name, set()), tier.output
    assert WORDS.get(name, str(FAULTS[name].code)) in tier.output
    assert tier.seconds < SECONDS
    assert accounts(healthy) == [healthy.variables["STAGING_USERNAME"]]
    hides(stand_in, stand_in.output, tier.output, tier.junit, str(tier.report))


def test_without_any_address(shared: Place, tmp_path: Path) -> None:
    """Everything is skipped, with the variables to set."""
    tier = run_tier(shared, tmp_path, {})
    assert tier.report["outcome"] == "skipped"
    assert tier.codes == {"not-configured"}
    assert "Set STAGING_BACKEND_URL" in tier.output


def test_with_one_address_and_no_account(healthy: StandIn, shared: Place, tmp_path: Path) -> None:
    """What can run does, with the WebSocket beside the backend; the login names what is missing."""
    given = {name: healthy.variables[name] for name in ("STAGING_BACKEND_URL", "STAGING_CA_BUNDLE")}
    tier = run_tier(shared, tmp_path, given)
    assert tier.status == 0, tier.output
    skipped = {skip["nodeid"].partition("::")[2]: skip["remedy"] for skip in tier.report["skips"]}
    assert "STAGING_USERNAME and STAGING_PASSWORD" in skipped["test_the_account_gets_in"]
    assert skipped["test_the_address_answers[STAGING_AUTH_URL]"] == "Set STAGING_AUTH_URL."
    assert "expect" in skipped["test_the_settings_are_as_expected"]
    assert outcome(tier, "test_the_websocket_answers") == "passed"
    assert outcome(tier, "test_service_levels") == "passed"


def outcome(tier: Tier, name: str) -> str:
    """Return what became of a test."""
    (found,) = (test["outcome"] for test in tier.report["tests"] if test["nodeid"].endswith(f"::{name}"))
    return str(found)
