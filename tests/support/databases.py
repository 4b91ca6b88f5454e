"""Databases of a server, handed out in this process."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from test_framework import owner
from test_framework.contracts import Dedicated
from test_framework.plugin.session import KEY
from test_framework.services._postgres_admin import Admin
from test_framework.services._postgres_databases import PostgresDatabases
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint

__all__ = ["opened", "undisturbed"]


@pytest.fixture(scope="module")
def undisturbed(request: pytest.FixtureRequest, framework_settings: Settings, postgres: Endpoint) -> Iterator[Endpoint]:
    """Return a server that no other worker's tests use meanwhile: they make databases and roles."""
    if postgres.provider not in ("docker", "embedded"):
        pytest.skip("a server that is not ours is used by others, too")
    with closing(
        connect(framework_settings, request.config.stash[KEY].overrides, uuid4().hex, lambda _: None)
    ) as client:
        want = replace(ServiceRequest.of("postgres", framework_settings, "integration"), dedicated=Dedicated())
        endpoint = client.resolve(want).endpoint
        assert endpoint
        yield endpoint
        client.end_dedicated()


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
