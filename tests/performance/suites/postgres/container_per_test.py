"""testcontainers: a container for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from shared import container

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    """Start it, and connect."""
    with container() as url, psycopg.connect(url) as connection:
        yield connection
