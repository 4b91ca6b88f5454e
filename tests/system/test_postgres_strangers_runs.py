"""Roles that a suite makes in each of its tests, in one process and in several workers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import Checkout
from tests.support.databases import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.services._postgres_databases import PostgresDatabases, _Database
    from test_framework.verdict import Endpoint
    from tests.support.place import Place


@pytest.fixture
def databases(undisturbed: Endpoint, tmp_path: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases of a server on which nobody else makes roles."""
    with opened(undisturbed, tmp_path) as databases:
        yield databases


def checkout(databases: PostgresDatabases, *template: str, run: str = "run") -> _Database:
    """Return the next database."""
    return databases.checkout(template, run, {})


@contextmanager
def out(databases: PostgresDatabases) -> Iterator[_Database]:
    """Have a database for a while."""
    isolated = checkout(databases)
    yield isolated
    databases.give_back(isolated, keep=False)


SUITE = """
import os
import random
import psycopg
import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
NUMBERS = list(range(24))
random.Random(0).shuffle(NUMBERS)

@pytest.mark.parametrize("number", NUMBERS)
def test_roles(postgres_db, number):
    with psycopg.connect(postgres_db.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE app_{WORKER}")
        connection.execute(f"CREATE TABLE mine_{number} (id int)")
        connection.execute(f"ALTER TABLE mine_{number} OWNER TO app_{WORKER}")
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (1,)
"""


@pytest.mark.parametrize("workers", ["0", "4"])
def test_a_suite_that_makes_the_same_role_in_each_test(embedded_place: Place, workers: str) -> None:
    """Twice, on a server that stays warm; and with several workers, each with a role of its own name."""
    env = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}
    project = Checkout(embedded_place, "embedded", ("postgres",), env=env)
    project.write("tests/integration/test_services.py", SUITE)
    for _ in range(2):
        run = project.run("-p", "xdist.plugin", "-n", workers)
        run.passed()
        assert len(run.outcomes()) == 24
