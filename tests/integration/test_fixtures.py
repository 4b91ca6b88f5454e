"""The fixtures on real servers, on whatever provider this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis

from test_framework.config.values import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.resolution import Endpoint


def value(url: str, statement: str) -> object:
    """Return the first value of the first row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


class TestHere:
    """The fixtures in this run."""

    def test_postgres_answers(self, postgres: Endpoint) -> None:
        """It says on which provider it runs, and the version is the server's own."""
        assert postgres.service == "postgres"
        assert postgres.provider in names("providers")
        assert str(value(postgres.url, "SHOW server_version")).split()[0] == postgres.version

    def test_redis_answers(self, redis: Endpoint) -> None:
        """It says on which provider it runs, and the version is the server's own."""
        assert redis.provider in names("providers")
        with Redis.from_url(redis.url) as client:
            info = client.info("server")
        assert isinstance(info, dict)
        assert info["redis_version"] == redis.version

    @pytest.mark.parametrize("run", ["first", "second", "third"])
    def test_a_database_is_this_tests_alone(self, postgres_db: Endpoint, run: str) -> None:
        """It begins with the rows of the template and nothing that another test has written."""
        with psycopg.connect(postgres_db.url) as connection:
            rows = connection.execute("SELECT name FROM author").fetchall()
            connection.execute("INSERT INTO author (name) VALUES (%s), ('unique')", [run])
        assert rows == [("Ursula",)]

    def test_the_url_names_the_database(self, postgres: Endpoint, postgres_db: Endpoint) -> None:
        """It is on the same server, under a name of its own, and says the same of provider and version."""
        name = value(postgres_db.url, "SELECT current_database()")
        assert urlsplit(postgres_db.url).path == f"/{name}"
        assert name != value(postgres.url, "SELECT current_database()")
        assert (postgres_db.provider, postgres_db.version) == (postgres.provider, postgres.version)
        assert (urlsplit(postgres_db.url).hostname, urlsplit(postgres_db.url).port) == (
            urlsplit(postgres.url).hostname,
            urlsplit(postgres.url).port,
        )

    @pytest.mark.parametrize("run", ["first", "second", "third"])
    def test_a_keyspace_is_this_tests_alone(self, redis: Endpoint, redis_db: Endpoint, run: str) -> None:
        """It begins empty, and what is written there is not in the server's first database."""
        with Redis.from_url(redis_db.url) as client, Redis.from_url(redis.url) as first:
            assert client.dbsize() == 0
            client.set("test_a_keyspace", run)
            assert first.get("test_a_keyspace") is None
        assert urlsplit(redis_db.url).path not in ("", "/", "/0")

    def test_services_are_found_by_name(
        self, services: Mapping[str, Endpoint], postgres: Endpoint, redis: Endpoint
    ) -> None:
        """The mapping gives the same servers as the fixtures."""
        assert services["postgres"] is postgres
        assert services["redis"] is redis

    def test_an_endpoint_keeps_its_password_to_itself(self, postgres_db: Endpoint, redis_db: Endpoint) -> None:
        """Its text, which ends up in the output of a failed assertion, does not hold it."""
        for endpoint in (postgres_db, redis_db):
            password = urlsplit(endpoint.url).password
            assert password
            assert password not in f"{endpoint} {endpoint!r} {endpoint.to_json()}"
