"""pytest-docker: a compose stack for all tests of a process, emptied after each test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shared import load, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from pytest_docker.plugin import Services


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """Name the file."""
    return str(Path("compose.yaml").resolve())


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    """Name the stack: each worker has one of its own."""
    return f"benchmark{os.getpid()}"


@pytest.fixture(scope="session")
def database(docker_ip: str, docker_services: Services) -> str:
    """Return the URL, with the tables made; compose has waited until the server is healthy."""
    url = f"postgresql://postgres:benchmark@{docker_ip}:{docker_services.port_for('postgres', 5432)}/postgres"
    load(url)
    return url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with truncated(database) as connection:
        yield connection
