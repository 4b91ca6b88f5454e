"""Databases handed out again, in runs of pytest: by several workers, and on a server that is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.services._postgres_admin import Admin
from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.postgres_ways import SCHEMA, checkout, facts, handed_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.resolution import Endpoint
    from test_framework.services._postgres_databases import PostgresDatabases
    from tests.support.place import Place

ROOT = Path(__file__).parents[2]


@pytest.fixture
def databases(postgres: Endpoint, tmp_path: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases of a template with a bit of everything."""
    with handed_out(postgres, tmp_path) as databases:
        yield databases


SUITE = """
import json
import random
from pathlib import Path
import pytest
from tests.support.postgres_ways import AGAIN, GONE, do, facts

# A prepared transaction has a name that the server knows once.
WAYS = [way for way in (*AGAIN, *GONE) if way != "it prepares a transaction"] * 4
random.Random(0).shuffle(WAYS)
FRESH = json.loads(Path("fresh.json").read_text())


class Given:
    def __init__(self, endpoint):
        self.endpoint, self.name = endpoint, endpoint.url.rpartition("/")[2]


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_fresh(postgres_db, number):
    assert facts(postgres_db.url) == FRESH
    do(Given(postgres_db), (AGAIN | GONE)[WAYS[number]])
"""


def test_four_workers_each_find_it_fresh(embedded_place: Place, databases: PostgresDatabases) -> None:
    """Every way to write, several times, in any order and at once."""
    fresh = facts(checkout(databases).endpoint.url)
    project = Checkout(embedded_place, "embedded", ("postgres",), env={"PYTHONPATH": str(ROOT)})
    project.write("schema.sql", SCHEMA)
    project.write("fresh.json", json.dumps(fresh))
    project.write(
        "pyproject.toml",
        "[tool.test_framework]\nservices.postgres.template = 'schema.sql'\n"
        "[tool.test_framework.tiers.integration]\nservices = ['postgres']\n",
    )
    project.write("tests/integration/test_services.py", SUITE)
    run = project.run("-p", "xdist.plugin", "-n", "4")
    run.passed()
    assert set(run.outcomes().values()) == {"passed"}
    embedded_place.is_empty()


def test_a_server_of_somebody_elses_is_left_as_it_was(
    embedded_place: Place, postgres: Endpoint, near: Callable[[str], str]
) -> None:
    """When the run is over, every database that it made there is gone, its template too."""
    with Admin(postgres.url) as admin:
        before = set(admin.names(""))
        env = {"TEST_FRAMEWORK_POSTGRES_URL": near(postgres.url), "TEST_FRAMEWORK_IDLE_SECONDS": "60"}
        project = Checkout(embedded_place, "explicit", ("postgres",), env=env)
        run = project.start_held()
        held = set(admin.names("")) - before
        project.go()
        run.passed()
        assert held
        wait_until(lambda: not held & set(admin.names("")), "its databases are gone", 30)
