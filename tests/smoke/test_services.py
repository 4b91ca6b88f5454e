"""The services answer, and hand out parts that tests can write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from redis import Redis

if TYPE_CHECKING:
    from test_framework.resolution import Endpoint

pytestmark = pytest.mark.smoke


def test_a_database_takes_a_row(postgres_db: Endpoint) -> None:
    """A fresh database has the template's rows and takes another."""
    with psycopg.connect(postgres_db.url) as connection:
        connection.execute("INSERT INTO author (name) VALUES ('Octavia')")
        rows = connection.execute("SELECT name FROM author ORDER BY id").fetchall()
    assert rows == [("Ursula",), ("Octavia",)]


def test_a_keyspace_takes_a_key(redis_db: Endpoint) -> None:
    """A fresh keyspace is empty and takes a key."""
    with Redis.from_url(redis_db.url, decode_responses=True) as client:
        assert client.dbsize() == 0
        client.set("name", "Ursula")
        assert client.get("name") == "Ursula"


def test_versions_are_those_of_the_servers(postgres: Endpoint, redis: Endpoint) -> None:
    """The version that is reported is the one that the server itself names."""
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    with Redis.from_url(redis.url) as client:
        info = client.info("server")
    assert row is not None
    assert postgres.version == row[0].split()[0]
    assert isinstance(info, dict)
    assert redis.version == info["redis_version"]
