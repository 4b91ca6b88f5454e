"""Databases handed out again: whatever a test has done, the next one finds the template, and nothing else."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from test_framework import owner
from test_framework.resolution import Endpoint, Refused
from test_framework.services._postgres_admin import Admin, DatabaseFingerprint
from test_framework.services._postgres_databases import PostgresDatabases
from tests.conftest import wait_until
from tests.support.databases import opened
from tests.support.postgres_ways import AGAIN, GONE, SCHEMA, checkout, do, facts, handed_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.contracts import IsolatedResource


@pytest.fixture
def databases(postgres: Endpoint, tmp_path: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases of a template with a bit of everything."""
    with handed_out(postgres, tmp_path) as databases:
        yield databases


def proven(databases: PostgresDatabases) -> IsolatedResource:
    """Return a database that was made ahead: of one that was not, nothing is known."""
    databases.prepare(("schema.sql",), "run", {})
    (source,) = databases._pool._clones.values()
    wait_until(lambda: bool(source.ready), "a database is made ahead", 60)
    return checkout(databases)


def is_settled(databases: PostgresDatabases) -> bool:
    """Whether the pool has nothing to do."""
    pool = databases._pool
    with pool._condition:
        full = all(len(source.ready) >= source.wanted for source in pool._clones.values())
        return full and not pool._returned and not pool._to_drop and not pool._busy


@pytest.mark.parametrize("way", [*AGAIN, *GONE])
def test_the_next_test_finds_the_template(databases: PostgresDatabases, postgres: Endpoint, way: str) -> None:
    """All that are handed out afterwards are as the template; the changed one only where that is sure."""
    # Of another one, the first: to look at a sequence is to touch it, as the pool has done there.
    reference = proven(databases)
    wanted = facts(reference.endpoint.url)
    isolated = proven(databases)
    do(isolated, (AGAIN | GONE)[way])
    with Admin(postgres.url) as admin:
        # On a busy machine a session may be on its way out for longer than the pool waits.
        wait_until(lambda: admin.wait_until_unused(isolated.name), "the test's session is gone")
    databases.give_back(isolated, retain=False)
    wait_until(lambda: is_settled(databases), "what was given back is dealt with")
    with ExitStack() as stack:
        stack.callback(databases.give_back, reference, retain=False)
        (source,) = databases._pool._clones.values()
        held = [checkout(databases) for _ in range(len(source.ready) + 1)]
        for each in held:
            stack.callback(databases.give_back, each, retain=False)
        assert [facts(each.endpoint.url) for each in held] == [wanted] * len(held)
        assert (isolated.name in [each.name for each in held]) is (way in AGAIN)
        with Admin(postgres.url) as admin:
            assert (isolated.name in admin.names("tf_")) is (way in AGAIN)


def test_a_sequence_that_was_touched_before_may_have_been_set(databases: PostgresDatabases, postgres: Endpoint) -> None:
    """Setting it leaves no count, so that it is looked at although the server tells the same as before the test."""
    isolated = proven(databases)
    pool = databases._pool
    (source,) = pool._clones.values()
    assert source.shape
    with Admin(postgres.url) as admin:

        def state_after(statement: str) -> DatabaseFingerprint:
            do(isolated, statement)
            wait_until(lambda: admin.wait_until_unused(isolated.name), "the session is gone")
            state = admin.state(isolated.name, source.shape)  # type: ignore[arg-type]
            assert state
            return state

        before = pool._states[isolated.name] = state_after("SELECT last_value FROM loose")
        assert state_after("SELECT setval('loose', 7, false)") == before
        assert pool._state_if_reusable(admin, isolated.name, source.shape) is None
    databases.give_back(isolated, retain=False)


def test_another_schema(databases: PostgresDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts from the next test on; what was made of the one before goes, once nobody has used it for a while."""
    databases.give_back(checkout(databases), retain=False)
    old = databases._templates.names()
    (tmp_path / "schema.sql").write_text("CREATE TABLE novel (id int)")
    monkeypatch.setattr("test_framework.services._postgres_pool._STALE_SECONDS", 0.0)
    after = checkout(databases)
    with psycopg.connect(after.endpoint.url) as connection:
        assert connection.execute("SELECT count(*) FROM novel").fetchone() == (0,)
    databases.give_back(after, retain=False)
    wait_until(lambda: is_settled(databases), "what is stale is dropped")
    with Admin(databases._endpoint.url) as admin:
        assert not set(old) & set(admin.names("tf_"))


def test_another_schema_and_back(databases: PostgresDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is built anew, since it went when nobody used it."""
    monkeypatch.setattr("test_framework.services._postgres_pool._STALE_SECONDS", 0.0)
    first = checkout(databases)
    wanted = facts(first.endpoint.url)
    databases.give_back(first, retain=False)
    (old,) = databases._templates.names()
    (tmp_path / "schema.sql").write_text("CREATE TABLE novel (id int)")
    databases.give_back(checkout(databases), retain=False)
    with Admin(databases._endpoint.url) as admin:
        wait_until(lambda: old not in admin.names("tf_"), "what is stale is dropped")
    (tmp_path / "schema.sql").write_text(SCHEMA)
    again = checkout(databases)
    assert facts(again.endpoint.url) == wanted
    databases.give_back(again, retain=False)


CODE = """
from pathlib import Path
import psycopg

def make(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE " + Path("name.txt").read_text() + " (id int)")
"""


def test_a_template_by_code_is_built_for_each_run(postgres: Endpoint, tmp_path: Path) -> None:
    """The code may read anything, so that nobody knows whether it would do the same again."""
    (tmp_path / "made.py").write_text(CODE)
    found = []
    with opened(postgres, tmp_path) as databases:
        for run, name in (("one", "first"), ("one", "second"), ("two", "third")):
            (tmp_path / "name.txt").write_text(name)
            isolated = databases.checkout(("made:make",), run, os.environ)
            with psycopg.connect(isolated.endpoint.url) as connection:
                found += connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            databases.give_back(isolated, retain=False)
    assert found == [("first",), ("first",), ("third",)]


def test_a_template_that_fails_leaves_nothing(postgres: Endpoint, tmp_path: Path) -> None:
    """The database that it was to be filled in is dropped."""
    (tmp_path / "schema.sql").write_text("SELECT nothing_of_that_name")
    with Admin(postgres.url) as admin, opened(postgres, tmp_path) as databases:
        before = admin.names(f"tf_{owner.MARK}_")
        with pytest.raises(Refused):
            checkout(databases)
        assert admin.names(f"tf_{owner.MARK}_") == before


def test_a_session_that_stays_is_told(databases: PostgresDatabases, postgres: Endpoint) -> None:
    """What is still in use is not said to be left, however long one waits."""
    isolated = checkout(databases)
    with Admin(postgres.url) as admin:
        with psycopg.connect(isolated.endpoint.url):
            assert not admin.wait_until_unused(isolated.name)
        wait_until(lambda: admin.wait_until_unused(isolated.name), "the session is gone")
    databases.give_back(isolated, retain=False)


def test_a_template_whose_clone_failed_is_not_held(
    databases: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has a database of it, so it goes as any other that nobody uses."""
    monkeypatch.setattr("test_framework.services._postgres_pool._STALE_SECONDS", 0.0)
    with pytest.raises(psycopg.errors.InvalidCatalogName):
        databases._pool.take("tf_not_there", databases._clone)
    assert databases._pool.forget("") == ["tf_not_there"]


def test_of_databases_that_are_kept_the_oldest_goes(
    databases: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the last failed tests stay, and no more."""
    monkeypatch.setattr("test_framework.services._postgres_databases._MOST_RETAINED", 2)
    kept = [checkout(databases) for _ in range(3)]
    for isolated in kept:
        databases.give_back(isolated, retain=True)
    with Admin(databases._endpoint.url) as admin:
        wait_until(lambda: kept[0].name not in admin.names("tf_"), "the oldest is dropped")
        assert {each.name for each in kept[1:]} <= {*admin.names("tf_")}


def test_nothing_stays_on_a_server_of_somebody_elses(postgres: Endpoint, tmp_path: Path) -> None:
    """Neither what a test still has, nor what lies ready, nor what is kept of a failed test, nor the template."""
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (id int)")
    with Admin(postgres.url) as admin:
        before = {*admin.names(f"tf_{owner.MARK}_")}
        databases = PostgresDatabases(replace(postgres, provider="explicit"), tmp_path, tmp_path)
        out, kept = (checkout(databases) for _ in range(2))
        databases.give_back(kept, retain=True)
        wait_until(lambda: is_settled(databases), "some lie ready")
        made = {*admin.names(f"tf_{owner.MARK}_")} - before
        assert {out.name, kept.name, *databases._templates.names()} < made
        databases.close()
        assert not made & {*admin.names("tf_")}
