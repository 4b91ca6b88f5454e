"""Backends: one that most tests share, each with users of its own, and others on a database of the test alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from harness.clients import REDIRECT, Person
from harness.servers import KEY, Program, Spawn, Start, Threaded, threaded
from redis import Redis
from test_framework.resolution import Endpoint


def variables(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the variables that configure a backend for tests, beside the ones that any program needs."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BACKEND_ENVIRONMENT": "staging",
        "BACKEND_IDENTITY_PROVIDER": "true",
        "BACKEND_SECRET_KEY": KEY,
        "BACKEND_OAUTH_CLIENTS": json.dumps({"reference-web": [REDIRECT], "other-web": [REDIRECT]}),
        # The least that is allowed: the tests hash many passwords.
        "BACKEND_ARGON2_MEMORY_KIB": "8192",
        "BACKEND_ARGON2_ITERATIONS": "1",
    }


@pytest.fixture(scope="session")
def backend(postgres: Endpoint, redis: Endpoint) -> Iterator[Threaded]:
    """Return the backend that tests share, with the usual settings."""
    name = f"shared_{uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(postgres.url)._replace(path=f"/{name}"))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        server = threaded(variables(url, redis.url) | {"BACKEND_REDIS_PREFIX": f"{name}:"}, {})
        yield server
        server.stop()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    with Redis.from_url(redis.url) as client:
        for key in client.scan_iter(f"{name}:*"):
            client.delete(key)


@pytest.fixture(scope="session")
def somebody(backend: Threaded) -> Person:
    """Return a user of the shared backend, for tests that only need to be one."""
    return backend.person()


@pytest.fixture
def environment(postgres_db: Endpoint, redis_db: Endpoint) -> dict[str, str]:
    """Return the variables of a backend on a database and a keyspace of the test alone."""
    return variables(postgres_db.url, redis_db.url)


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Return what starts a backend of the test alone, in a thread, with settings of the test."""
    started: list[Threaded] = []

    def begin(**settings: object) -> Threaded:
        started.append(threaded(environment, settings))
        return started[-1]

    yield begin
    # All at once, since each takes a moment.
    for server in started:
        server.begin_to_stop()
    for server in started:
        server.stop()


@pytest.fixture
def spawn(environment: dict[str, str]) -> Iterator[Spawn]:
    """Return what starts a backend of the test alone, as a program, with arguments and variables of the test."""
    started: list[Program] = []

    def begin(*arguments: str, **more: str) -> Program:
        started.append(Program(environment | more, *arguments))
        return started[-1]

    yield begin
    for program in started:
        program.stop()
