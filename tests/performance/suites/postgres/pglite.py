"""py-pglite: Postgres in WebAssembly, a process of node for each worker, emptied after each test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from py_pglite import PGliteConfig, PGliteManager
from shared import load, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start it; its packages are in the folder above."""
    folder = Path(os.environ["PGLITE"], str(os.getpid()))
    config = PGliteConfig(work_dir=folder, auto_install_deps=False, log_level="WARNING")
    with PGliteManager(config) as manager:
        load(manager.get_dsn())
        yield manager.get_dsn()


@pytest.fixture
def connection(server: str) -> Iterator[psycopg.Connection]:
    """Connect to it; it lets in one at a time."""
    with truncated(server) as connection:
        yield connection
