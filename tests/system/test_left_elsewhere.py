"""What a run makes on a server of somebody else's is gone when the run is, however it ends, and nobody else's is."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import redis as driver
from psycopg import sql

from test_framework import owner
from test_framework.services._postgres_admin import Admin
from test_framework.services._redis_databases import NumberedDatabases, url_for_database
from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.databases import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from test_framework.resolution import Endpoint
    from tests.support.place import Place

pytestmark = pytest.mark.requires("postgres", "redis")

LIVING = owner.prefix_of("tf_")
DEAD = LIVING.replace(f"tf_{owner.MARK}", "tf_1_1")
ELSEWHERE = "tf_1_1_0123456789ab_1_"
OLD = "tf_1_1_"
"""How names begin: of a process of this machine that runs, of one that has ended, of one of another machine, and
without a machine."""


@pytest.fixture
def admin(postgres: Endpoint) -> Iterator[Admin]:
    """Return a connection to the server."""
    with Admin(postgres.url) as connected:
        yield connected


@pytest.fixture
def project(embedded_place: Place, postgres: Endpoint, near: Callable[[str], str]) -> Checkout:
    """Return a project that is told of the server by its URL; its supervisor ends with its last run, as under CI."""
    env = {"TEST_FRAMEWORK_POSTGRES_URL": near(postgres.url)}
    return Checkout(embedded_place, "explicit", ("postgres",), env=env)


def made(project: Checkout, admin: Admin) -> list[str]:
    """Return the databases that the supervisors of the project have made."""
    return [name for pid in project.place.supervisors() for name in admin.names(f"tf_{pid}_")]


def test_a_run_that_ends(project: Checkout, admin: Admin) -> None:
    """When pytest has ended, nothing is left; nobody has to wait for it."""
    run = project.start_held()
    assert made(project, admin)
    project.go()
    run.passed()
    assert not made(project, admin)


def test_a_run_of_several_workers(project: Checkout, admin: Admin) -> None:
    """The last worker leaves the server as it was, and none before."""
    project.tests(middle=0, after=8)
    run = project.run("-p", "xdist.plugin", "-n", "2")
    run.passed()
    assert not made(project, admin)


def test_a_run_that_is_killed(project: Checkout, admin: Admin) -> None:
    """Its supervisor, which ends with it, ends only once what was made is gone."""
    run = project.start_held()
    held = made(project, admin)
    assert held
    run.kill()
    project.place.is_empty(containers=False)
    assert not set(held) & set(admin.names("tf_"))


def test_a_supervisor_that_is_told_to_end(project: Checkout, admin: Admin) -> None:
    """So while a run still holds what it has made."""
    run = project.start_held()
    held = made(project, admin)
    os.kill(project.place.supervisors()[-1], signal.SIGTERM)
    wait_until(lambda: not project.place.processes("test_framework.supervisor"), "the supervisor has ended", 30)
    assert not set(held) & set(admin.names("tf_"))
    project.go()
    run.end()


def test_all_of_it_is_killed(project: Checkout, admin: Admin) -> None:
    """The next run drops what nobody could."""
    run = project.start_held()
    (supervisor,) = project.place.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    run.kill()
    held = made(project, admin)
    assert held
    project.go()
    project.run().passed()
    assert not set(held) & set(admin.names("tf_"))


def test_nobody_elses_is_dropped(admin: Admin, postgres: Endpoint, tmp_path: Path) -> None:
    """Not what another machine's process has made, nor a living one of this, nor what says nothing of its machine."""
    names = [f"{begin}{os.getpid()}" for begin in (DEAD, ELSEWHERE, LIVING, OLD)]
    for name in names:
        admin.create(name, "template1")
    try:
        with opened(replace(postgres, provider="explicit"), tmp_path):
            assert set(names) & set(admin.names("tf_")) == set(names[1:])
    finally:
        for name in names:
            admin.drop(name)


def test_another_run_of_the_same_process(admin: Admin, postgres: Endpoint, tmp_path: Path) -> None:
    """One that ends drops its own, and not those of one that goes on."""
    explicit = replace(postgres, provider="explicit")
    with opened(explicit, tmp_path) as goes_on:
        kept = goes_on.checkout((), "one", {})
        with opened(explicit, tmp_path) as ends:
            other = ends.checkout((), "two", {})
            assert ends.close() == ""
            assert kept.name in admin.names("tf_")
            assert other.name not in admin.names("tf_")


STUCK = """
import psycopg
import pytest

@pytest.mark.requires("postgres")
def test_stuck(postgres_db):
    with psycopg.connect(postgres_db.url, autocommit=True) as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')
"""


def test_what_cannot_be_dropped_is_told(project: Checkout, admin: Admin) -> None:
    """The person hears which database stays, and why, and the rest goes."""
    project.write("tests/integration/test_services.py", STUCK)
    run = project.run()
    run.passed()
    (stuck,) = made(project, admin)
    admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(stuck)))
    admin.drop(stuck)
    assert "what the run has made there is not all removed" in run.output
    assert stuck in run.output
    assert "cannot drop a template database" in run.output


@pytest.fixture
def server(redis: Endpoint) -> Iterator[driver.Redis]:
    """Return a client of the server."""
    with driver.Redis.from_url(redis.url) as client:
        yield client


def test_numbered_databases_of_a_dead_process(redis: Endpoint, server: driver.Redis) -> None:
    """What a killed one has claimed and filled is empty and free again; what another machine's has is not."""
    claims = {number: f"test_framework:claim:{number}" for number in (801, 802, 803)}
    for (number, claim), begin in zip(claims.items(), (DEAD, ELSEWHERE, LIVING), strict=True):
        server.set(claim, f"{begin}1", ex=60)
        with driver.Redis.from_url(url_for_database(redis.url, number)) as client:
            client.set("left", 1, ex=60)
    with closing(NumberedDatabases(replace(redis, provider="explicit"))):
        assert [server.exists(claim) for claim in claims.values()] == [0, 1, 1]
        for number, left in zip(claims, (0, 1, 1), strict=True):
            with driver.Redis.from_url(url_for_database(redis.url, number)) as client:
                assert client.exists("left") == left
                client.delete("left")
    server.delete(*claims.values())


def test_numbered_databases_when_the_run_ends(redis: Endpoint, server: driver.Redis) -> None:
    """What is out or kept is empty then, and its claim is gone; until then the claim names us."""
    databases = NumberedDatabases(replace(redis, provider="explicit"))
    out, kept = databases.checkout((), "run", {}), databases.checkout((), "run", {})
    for isolated in (out, kept):
        with driver.Redis.from_url(isolated.endpoint.url) as client:
            client.set("left", 1, ex=60)
        claim = server.get(f"test_framework:claim:{isolated.name}")
        assert isinstance(claim, bytes)
        assert claim.decode().startswith(f"tf_{owner.MARK}_")
    databases.give_back(kept, retain=True)
    assert databases.close() == ""
    for isolated in (out, kept):
        assert not server.exists(f"test_framework:claim:{isolated.name}")
        with driver.Redis.from_url(isolated.endpoint.url) as client:
            assert not client.exists("left")
