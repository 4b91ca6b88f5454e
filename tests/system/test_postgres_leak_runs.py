"""Roles that a suite makes in each of its tests, in one process and in several workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from tests.support.place import Place


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
