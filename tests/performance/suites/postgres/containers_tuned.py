"""testcontainers, tuned: one container that syncs nothing for all tests of a process, emptied after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shared import container, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start it."""
    with container("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off") as url:
        yield url


@pytest.fixture
def connection(server: str) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with truncated(server) as connection:
        yield connection
