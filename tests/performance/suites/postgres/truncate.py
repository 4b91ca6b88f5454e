"""Plain SQL: one database for all tests, emptied after each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from shared import one_database, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """Return the URL of the database."""
    with one_database(os.environ["SERVER"]) as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with truncated(database) as connection:
        yield connection
