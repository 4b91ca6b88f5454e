"""What a deployment says of itself is compared with what is expected of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import load
from test_framework.reasons import Code
from test_framework.staging import drift

if TYPE_CHECKING:
    from test_framework.resolution import Reason

URL = "https://backend.invalid"


def told(**settings: object) -> dict[str, Any]:
    """Return what `/health/config` says: a schema that fits, and these settings."""
    return {"settings": settings, "schema": {"current": "0002", "expected": "0002"}}


def expected(said: dict[str, Any], text: str) -> list[Reason]:
    """Compare with `TEST_FRAMEWORK_EXPECT`."""
    return drift.expected(said, URL, load(Path("/nowhere"), {"TEST_FRAMEWORK_EXPECT": text}))


def test_a_schema_that_fits() -> None:
    """The revision in the database is the one that the version needs."""
    assert drift.schema(told(), URL) == []


def test_a_schema_that_lags_behind() -> None:
    """Both revisions are told."""
    (reason,) = drift.schema({"schema": {"current": "0001", "expected": "0002"}}, URL)
    assert reason.code is Code.CONFIGURATION_DRIFT
    assert "expects 0002" in reason.message


@pytest.mark.parametrize("said", [{"schema": {"current": None, "expected": "0002"}}, {}])
def test_a_schema_that_cannot_be_read(said: dict[str, Any]) -> None:
    """That is no drift: the database is down."""
    (reason,) = drift.schema(said, URL)
    assert reason.code is Code.DEPENDENCY_DOWN


def test_settings_as_expected() -> None:
    """Values are compared as text: numbers and switches as in JSON."""
    said = told(issuer="ours", page_size_max=100, identity_provider=False, clickhouse_url=None)
    text = (
        "settings.issuer=ours, settings.page_size_max=100, settings.identity_provider=false, "
        "settings.clickhouse_url=null, schema.current=0002"
    )
    assert expected(said, text) == []


def test_settings_that_differ() -> None:
    """Each one is told, with where the expectation stands; one that is not there counts as null."""
    first, second = expected(told(issuer="theirs"), "settings.issuer=ours, settings.nothing.here=1")
    assert {first.code, second.code} == {Code.CONFIGURATION_DRIFT}
    assert "settings.issuer = theirs, but TEST_FRAMEWORK_EXPECT expects ours" in first.message
    assert "settings.nothing.here = null" in second.message


def test_nothing_is_expected() -> None:
    """Then there is nothing to compare, and the reason says where to put it."""
    (reason,) = drift.expected(told(), URL, load(Path("/nowhere"), {}))
    assert reason.code is Code.NOT_CONFIGURED
    assert "expect" in reason.remedy


@pytest.mark.parametrize(
    ("variable", "given", "said", "differs"),
    [
        ("STAGING_POSTGRES_URL", "postgresql://me@localhost:15432/app", "postgresql://db.internal:5432/app", False),
        ("STAGING_POSTGRES_URL", "postgresql://me@localhost:15432/app", "postgresql://db.internal:5432/other", True),
        ("STAGING_REDIS_URL", "redis://localhost:16379", "redis://cache.internal:6379/0", False),
        ("STAGING_REDIS_URL", "redis://localhost:16379/1", "redis://cache.internal:6379/0", True),
    ],
)
def test_servers_by_the_name_of_the_part(variable: str, given: str, said: str, *, differs: bool) -> None:
    """Hosts and ports may differ between inside and outside, the database and the keyspace may not."""
    key = "database_url" if variable == "STAGING_POSTGRES_URL" else "redis_url"
    found = drift.addresses(told(**{key: said}), URL, {variable: given})
    assert bool(found) is differs
    assert all(variable in reason.message for reason in found)


@pytest.mark.parametrize(
    ("clients", "differs"),
    [
        ({"web": ["https://app.invalid/callback"]}, False),
        ({"web": ["https://old.invalid/callback"]}, True),
        (None, True),
    ],
)
def test_the_frontend_is_one_that_logins_return_to(clients: object, *, differs: bool) -> None:
    """Its origin is that of a redirect URI of some client."""
    env = {"STAGING_FRONTEND_URL": "https://app.invalid/start"}
    found = drift.addresses(told(oauth_clients=clients), URL, env)
    assert bool(found) is differs
    assert all("STAGING_FRONTEND_URL expects https://app.invalid" in reason.message for reason in found)


def test_what_tests_are_not_told_is_not_compared() -> None:
    """Without addresses there is nothing to differ."""
    assert drift.addresses(told(database_url="postgresql://db/app"), URL, {}) == []
