"""Fixtures by name: a service, or a part of it that belongs to one test alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from test_framework.plugin.fixtures_postgres import (
    postgres,
    postgres_async,
    postgres_async_engine,
    postgres_class_db,
    postgres_connection,
    postgres_db,
    postgres_engine,
    postgres_module_db,
    postgres_transactions,
    postgres_tx,
)
from test_framework.plugin.session import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from test_framework.config import Settings
    from test_framework.plugin.session import Session
    from test_framework.resolution import Endpoint

__all__ = [
    "clickhouse",
    "clickhouse_db",
    "framework_settings",
    "isolated_env",
    "postgres",
    "postgres_async",
    "postgres_async_engine",
    "postgres_class_db",
    "postgres_connection",
    "postgres_db",
    "postgres_engine",
    "postgres_module_db",
    "postgres_transactions",
    "postgres_tx",
    "redis",
    "redis_db",
    "services",
    "system_under_test",
]


class ServiceMap(Mapping[str, "Endpoint"]):
    """Services by name, each resolved when it is first asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, name: str) -> Endpoint:
        """Return a service; the test is skipped when it is unavailable, and fails when it is broken."""
        if name not in self:
            raise KeyError(f"{name!r} is no service; there are {', '.join(self)}")
        return self._session.lease.endpoint(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is a service of that name, running or not."""
        return name in tuple(self)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all services there are."""
        return iter(self._session.settings.service_names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(list(iter(self)))


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Mapping[str, Endpoint]:
    """Every service by name, resolved when asked for: `services["postgres"].url`."""
    return ServiceMap(request.config.stash[KEY])


@pytest.fixture(scope="session")
def framework_settings(request: pytest.FixtureRequest) -> Settings:
    """The settings of this run, command line and all: `framework_settings.levels.connect_seconds`."""
    return request.config.stash[KEY].settings


@pytest.fixture(scope="session")
def redis(services: Mapping[str, Endpoint]) -> Endpoint:
    """The Redis server of this run: `.url`, `.provider`, `.version`."""
    return services["redis"]


@pytest.fixture(scope="session")
def clickhouse(services: Mapping[str, Endpoint]) -> Endpoint:
    """The ClickHouse server of this run, over HTTP: `.url`, `.provider`, `.version`."""
    return services["clickhouse"]


@pytest.fixture(scope="session")
def system_under_test(services: Mapping[str, Endpoint], framework_settings: Settings) -> Endpoint:
    """The service that `[tool.test_framework.e2e]` names: `.url`, `.provider`, `.version`."""
    name = framework_settings.e2e.service
    if not name:
        pytest.fail(
            "no service is under test: set service in [tool.test_framework.e2e] of pyproject.toml", pytrace=False
        )
    return services[name]


@pytest.fixture
def redis_db(request: pytest.FixtureRequest, redis: Endpoint) -> Iterator[Endpoint]:
    """A keyspace of this test alone, empty; its `.url` names it.

    With `isolation = "prefix"` keys and channels have to begin with its `.prefix`: the user of the URL may touch no
    others, and commands that look at all keys, such as SCAN, are refused. Else it is a numbered database, and a test
    that leaves keys in another one, or changes the whole server, has an error that names what. Where it may have been
    another one's doing, as with several workers of pytest-xdist, the summary tells it under `left behind:`, and it is
    no error, also under CI.
    """
    with request.config.stash[KEY].lease.isolated(request, redis) as resource:
        yield resource.endpoint
        request.config.stash[KEY].lease.check_leaked(resource)


@pytest.fixture
def clickhouse_db(request: pytest.FixtureRequest, clickhouse: Endpoint) -> Iterator[Endpoint]:
    """A database of this test alone, made from the template in the settings; its `.url` names it."""
    with request.config.stash[KEY].lease.isolated(request, clickhouse) as resource:
        yield resource.endpoint


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> None:
    """Note the services of fixtures with a wider scope than a test: no test is blamed for what changes there."""
    if fixturedef.scope != "function" and not fixturedef.func.__module__.startswith(__name__):
        request.config.stash[KEY].shared_services.update(fixturedef.argnames)


@pytest.fixture
def isolated_env() -> Iterator[MutableMapping[str, str]]:
    """`os.environ`; after the test it and the working directory are exactly as they were before."""
    before = dict(os.environ)
    # A descriptor holds on to the folder itself, even when the test renames it.
    folder = os.open(".", os.O_RDONLY)
    try:
        yield os.environ
    finally:
        os.fchdir(folder)
        os.close(folder)
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
