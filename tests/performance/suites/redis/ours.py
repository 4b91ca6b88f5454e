"""Ours: a keyspace of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.resolution import Endpoint


@pytest.fixture
def client(redis_db: Endpoint) -> Iterator[Redis]:
    """Connect to it."""
    with Redis.from_url(redis_db.url) as client:
        yield client
