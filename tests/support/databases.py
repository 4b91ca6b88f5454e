"""Databases of a server, handed out in this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework import owner
from test_framework.services._postgres_admin import Admin
from test_framework.services._postgres_databases import PostgresDatabases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.verdict import Endpoint

__all__ = ["opened"]


@contextmanager
def opened(postgres: Endpoint, folder: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases of a server that the run has; drop all of them afterwards."""
    databases = PostgresDatabases(postgres, folder, folder)
    try:
        yield databases
    finally:
        databases.tidy()
        databases.close()
        with Admin(postgres.url) as admin:
            for name in admin.names(f"tf_{owner.MARK}_"):
                admin.drop(name)
