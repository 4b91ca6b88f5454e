"""Roles, databases and settings of roles belong to the whole server: what a test made of them goes with the test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import wait_until
from tests.support.databases import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.contracts import IsolatedResource
    from test_framework.resolution import Endpoint
    from test_framework.services._postgres_databases import PostgresDatabases

SEEN = """
SELECT ARRAY(SELECT rolname::text FROM pg_roles WHERE oid >= 16384),
       ARRAY(SELECT datname::text FROM pg_database WHERE oid >= 16384 AND datname !~ '^tf_'),
       ARRAY(SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = 0)
"""

WAYS = {
    "a role": "CREATE ROLE left_app",
    "a role that owns, and may": "CREATE ROLE left_app; CREATE TABLE mine (id int); ALTER TABLE mine OWNER TO left_app;"
    " CREATE SCHEMA theirs AUTHORIZATION left_app; GRANT SELECT ON ALL TABLES IN SCHEMA public TO left_app;"
    " ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO left_app",
    "roles that are members of each other": "CREATE ROLE left_app; CREATE ROLE left_group ROLE left_app",
    "a role with settings": "CREATE ROLE left_app; ALTER ROLE left_app SET work_mem = '1MB'",
    "settings of everybody": "ALTER ROLE ALL SET work_mem = '1MB'; ALTER ROLE postgres SET lock_timeout = 1",
    "a database": "CREATE DATABASE left_other",
    "a role that owns a database": "CREATE ROLE left_app; CREATE DATABASE left_other OWNER left_app",
}


def do(url: str, statements: str) -> None:
    """Run statements, each outside of a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements.split("; "):
            connection.execute(statement.strip().encode())


def seen(isolated: IsolatedResource) -> tuple[list[str], ...]:
    """Return what belongs to the server, as a test sees it."""
    with psycopg.connect(isolated.endpoint.url) as connection:
        row = connection.execute(SEEN).fetchone()
    assert row
    return row


@pytest.fixture
def databases(undisturbed: Endpoint, tmp_path: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases of a server on which nobody else makes roles."""
    with opened(undisturbed, tmp_path) as databases:
        yield databases


def checkout(databases: PostgresDatabases, *template: str, run: str = "run") -> IsolatedResource:
    """Return the next database."""
    return databases.checkout(template, run, {})


@contextmanager
def out(databases: PostgresDatabases) -> Iterator[IsolatedResource]:
    """Have a database for a while."""
    isolated = checkout(databases)
    yield isolated
    databases.give_back(isolated, retain=False)


@pytest.mark.parametrize("way", WAYS)
def test_the_next_test_finds_none_of_it(databases: PostgresDatabases, way: str) -> None:
    """Also when it does the same: it is not told that what it makes is there already."""
    with out(databases) as first:
        before = seen(first)
        do(first.endpoint.url, WAYS[way])
        assert seen(first) != before
    for _ in range(2):
        with out(databases) as later:
            assert seen(later) == before
            do(later.endpoint.url, WAYS[way])


def test_a_failed_tests_database_keeps_its_rows(databases: PostgresDatabases) -> None:
    """It does not hold on to the role, which the same test will make again."""
    failed = checkout(databases)
    do(failed.endpoint.url, WAYS["a role that owns, and may"])
    do(failed.endpoint.url, "INSERT INTO mine VALUES (7)")
    databases.give_back(failed, retain=True)
    with out(databases) as later:
        assert "left_app" not in seen(later)[0]
    with psycopg.connect(failed.endpoint.url) as connection:
        assert connection.execute("SELECT id FROM mine").fetchall() == [(7,)]


def test_the_roles_of_a_template_stay(databases: PostgresDatabases, tmp_path: Path) -> None:
    """They are as much a part of it as its tables."""
    (tmp_path / "schema.sql").write_text("CREATE ROLE left_by_template; CREATE TABLE t (id int)")
    try:
        for _ in range(2):
            isolated = checkout(databases, "schema.sql")
            assert seen(isolated)[0] == ["left_by_template"]
            databases.give_back(isolated, retain=False)
        databases.tidy()
        with out(databases) as later:
            assert seen(later)[0] == ["left_by_template"]
    finally:
        do(databases._endpoint.url, "DROP ROLE left_by_template")


GUESTS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname !~ '^tf_' AND application_name <> 'test-framework'
"""


def do_beside(isolated: IsolatedResource, databases: PostgresDatabases, statements: str) -> None:
    """Run statements in the server's own database, and wait until that session is gone."""
    do(databases._endpoint.url, statements)
    with psycopg.connect(isolated.endpoint.url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(GUESTS).fetchone() == (0,), "nobody is in a database that is no test's")


def test_what_is_made_beside_all_tests_stays_for_them(databases: PostgresDatabases) -> None:
    """A fixture of the whole session makes a role from the server's own database; it goes when no run is left."""
    with out(databases) as isolated:
        do_beside(isolated, databases, "CREATE ROLE left_session")
    with out(databases) as isolated:
        assert seen(isolated)[0] == ["left_session"]
    databases.tidy()
    with out(databases) as isolated:
        assert seen(isolated)[0] == []


def test_what_an_open_session_makes_beside_all_tests_stays(undisturbed: Endpoint, tmp_path: Path) -> None:
    """Also where it has been there, and was counted, since before the run."""
    with psycopg.connect(undisturbed.url, autocommit=True) as session:
        session.execute("SELECT 1")
        with opened(undisturbed, tmp_path) as databases:
            with out(databases):
                session.execute("CREATE ROLE left_session")
            with out(databases) as later:
                assert seen(later)[0] == ["left_session"]


def test_a_session_counts_once(databases: PostgresDatabases) -> None:
    """What a later test makes is that test's, though somebody was in another database before."""
    with out(databases) as isolated:
        do_beside(isolated, databases, "CREATE ROLE left_session")
    with out(databases) as isolated:
        do(isolated.endpoint.url, "CREATE ROLE left_app")
    with out(databases) as later:
        assert seen(later)[0] == ["left_session"]


def test_a_session_before_the_run_does_not_count(databases: PostgresDatabases) -> None:
    """Between two runs somebody asks whether the server is well, and makes nothing."""
    with out(databases) as isolated:
        do_beside(isolated, databases, "SELECT 1")
    isolated = checkout(databases, run="another")
    do(isolated.endpoint.url, "CREATE ROLE left_app")
    databases.give_back(isolated, retain=False)
    with out(databases) as later:
        assert seen(later)[0] == []


def test_a_role_goes_with_the_test_whose_database_has_it(databases: PostgresDatabases) -> None:
    """Another test that goes on cannot have made what owns something in the database of the first."""
    with out(databases) as first:
        with out(databases) as second:
            do(second.endpoint.url, WAYS["a role that owns, and may"])
        assert seen(first)[0] == []


def test_while_another_test_may_have_made_it_it_stays(databases: PostgresDatabases) -> None:
    """It goes with the last of them."""
    with out(databases) as first:
        with out(databases) as second:
            do(second.endpoint.url, "CREATE ROLE left_app")
        assert seen(first)[0] == ["left_app"]
    with out(databases) as later:
        assert seen(later)[0] == []
