"""What the conftests of several alternatives share; copied into each project."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SCHEMA", "clone", "container", "load", "one_database", "truncated"]

SCHEMA = Path("schema.sql").resolve()


def load(url: str) -> None:
    """Make the tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())


@contextmanager
def clone(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database, yield its name, and drop it."""
    name = f"bench_{uuid4().hex}"
    both = [sql.Identifier(name), sql.Identifier(template)]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*both))
    yield name
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(both[0]))


@contextmanager
def one_database(server: str) -> Iterator[str]:
    """Make a database with the tables, yield its URL, and drop it."""
    with clone(server) as name:
        url = psycopg.conninfo.make_conninfo(server, dbname=name)
        load(url)
        yield url


@contextmanager
def truncated(url: str) -> Iterator[psycopg.Connection]:
    """Connect, and empty all tables afterwards, but for the rows that the schema brings."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.commit()
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found)
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
        connection.execute("INSERT INTO t0 (name) VALUES ('a'), ('b'), ('c')")


@contextmanager
def container(*options: str) -> Iterator[str]:
    """Start a container of Postgres with testcontainers, and yield the URL of its database with the tables."""
    from testcontainers.community.postgres import PostgresContainer

    started = PostgresContainer(os.environ["POSTGRES_IMAGE"], driver=None)
    started.with_kwargs(labels={"test-framework.benchmark": os.environ["BENCHMARK_LABEL"]})
    if options:
        started.with_command(["postgres", *options])
    with started:
        load(started.get_connection_url())
        yield started.get_connection_url()
