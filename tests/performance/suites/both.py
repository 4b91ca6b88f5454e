"""testcontainers: Postgres and Redis for all tests, as its documentation has them in fixtures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, int]]:
    """Start both, one after the other."""
    labels = {"test-framework.benchmark": os.environ["BENCHMARK_LABEL"]}
    with (
        PostgresContainer(os.environ["POSTGRES_IMAGE"], driver=None).with_kwargs(labels=labels) as postgres,
        RedisContainer(os.environ["REDIS_IMAGE"]).with_kwargs(labels=labels) as redis,
    ):
        yield postgres.get_connection_url(), int(redis.get_exposed_port(6379))
