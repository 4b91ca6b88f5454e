"""Ours: a database of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.resolution import Endpoint


@pytest.fixture
def connection(postgres_db: Endpoint) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with psycopg.connect(postgres_db.url) as connection:
        yield connection
