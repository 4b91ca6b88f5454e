"""testcontainers: one container for all tests of a process, flushed after each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from testcontainers.community.redis import RedisContainer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, int]]:
    """Start it."""
    labels = {"test-framework.benchmark": os.environ["BENCHMARK_LABEL"]}
    with RedisContainer(os.environ["REDIS_IMAGE"]).with_kwargs(labels=labels) as container:
        yield container.get_container_host_ip(), int(container.get_exposed_port(6379))


@pytest.fixture
def client(server: tuple[str, int]) -> Iterator[Redis]:
    """Connect to it."""
    with Redis(*server) as client:
        yield client
        client.flushall()
