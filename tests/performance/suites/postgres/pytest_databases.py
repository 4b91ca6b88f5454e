"""pytest-databases: one container for all tests, with a database for each worker, emptied after each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from shared import load, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_databases.docker.postgres import PostgresService

pytest_plugins = ["pytest_databases.docker.postgres"]


@pytest.fixture(scope="session")
def postgres_image() -> str:
    """Name the same image that all others use."""
    return os.environ["POSTGRES_IMAGE"]


@pytest.fixture(scope="session")
def database(postgres_service: PostgresService) -> str:
    """Return the URL of the worker's database, with the tables."""
    at = postgres_service
    url = psycopg.conninfo.make_conninfo(
        host=at.host, port=at.port, user=at.user, password=at.password, dbname=at.database
    )
    load(url)
    return url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with truncated(database) as connection:
        yield connection
