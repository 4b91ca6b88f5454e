"""By hand: one numbered database for all tests, flushed after each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from redis import Redis

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[Redis]:
    """Connect to it."""
    with Redis.from_url(os.environ["SERVER"], db=1) as client:
        yield client
        client.flushdb()
