"""Fixtures of Postgres: the server, databases for one test or several, and connections to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_framework.plugin.session import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    import psycopg
    import sqlalchemy
    from sqlalchemy.ext.asyncio import AsyncEngine

    from test_framework.plugin.transactions import SharedDatabase
    from test_framework.resolution import Endpoint


@pytest.fixture(scope="session")
def postgres(services: Mapping[str, Endpoint]) -> Endpoint:
    """The Postgres server of this run: `.url`, `.provider`, `.version`."""
    return services["postgres"]


@pytest.fixture
def postgres_db(request: pytest.FixtureRequest, postgres: Endpoint) -> Iterator[Endpoint]:
    """A database of this test alone, made from the template in the settings; its `.url` names it."""
    with request.config.stash[KEY].lease.isolated(request, postgres) as resource:
        yield resource.endpoint


@pytest.fixture(scope="class")
def postgres_class_db(request: pytest.FixtureRequest, postgres: Endpoint) -> Iterator[Endpoint]:
    """Like `postgres_db`, for all tests of a class: each finds what those before it have left."""
    with request.config.stash[KEY].lease.isolated(request, postgres) as resource:
        yield resource.endpoint


@pytest.fixture(scope="module")
def postgres_module_db(request: pytest.FixtureRequest, postgres: Endpoint) -> Iterator[Endpoint]:
    """Like `postgres_db`, for all tests of a module: each finds what those before it have left."""
    with request.config.stash[KEY].lease.isolated(request, postgres) as resource:
        yield resource.endpoint


@pytest.fixture
def postgres_connection(postgres_db: Endpoint) -> Iterator[psycopg.Connection]:
    """A psycopg connection to `postgres_db`, not in autocommit, as psycopg opens it.

    It is closed after the test, which rolls back what was not committed.
    """
    import psycopg

    connection = psycopg.connect(postgres_db.url)
    yield connection
    connection.close()


@pytest.fixture
def postgres_async(postgres_db: Endpoint) -> Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection]]:
    """Opens psycopg's asynchronous connections to `postgres_db`, each for a block.

    The block, `async with postgres_async() as connection:`, commits at its end, or rolls back on an error, and closes.
    No plugin for asynchronous tests is needed, and any that runs them on asyncio will do.
    """
    from contextlib import asynccontextmanager

    import psycopg

    @asynccontextmanager
    async def connect() -> Any:
        async with await psycopg.AsyncConnection.connect(postgres_db.url) as connection:
            yield connection

    return connect


@pytest.fixture
def postgres_engine(request: pytest.FixtureRequest, postgres_db: Endpoint) -> Iterator[sqlalchemy.Engine]:
    """An SQLAlchemy engine on `postgres_db`, with psycopg and a pool; its connections are closed after the test."""
    with request.config.stash[KEY].lease.requiring("sqlalchemy"):
        import sqlalchemy

    engine = sqlalchemy.create_engine(_engine_url(postgres_db))
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_async_engine(request: pytest.FixtureRequest, postgres_db: Endpoint) -> Iterator[AsyncEngine]:
    """An asynchronous SQLAlchemy engine on `postgres_db`, with psycopg.

    It has no pool, since a connection belongs to the event loop in which it was opened: so it can be used in one loop
    after the other.
    """
    with request.config.stash[KEY].lease.requiring("sqlalchemy[asyncio]"):
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        engine = create_async_engine(_engine_url(postgres_db), poolclass=NullPool)
    yield engine
    engine.sync_engine.dispose()


def _engine_url(endpoint: Endpoint) -> sqlalchemy.URL:
    import sqlalchemy

    return sqlalchemy.make_url(endpoint.url).set(drivername="postgresql+psycopg")


@pytest.fixture(scope="session")
def postgres_transactions(request: pytest.FixtureRequest) -> Iterator[SharedDatabase]:
    """What `postgres_tx` is made of: the database that the tests of this process share."""
    from test_framework.plugin.transactions import SharedDatabase

    shared = SharedDatabase(request.config.stash[KEY].lease)
    yield shared
    shared.close()


@pytest.fixture
def postgres_tx(
    request: pytest.FixtureRequest,
    postgres: Endpoint,  # noqa: ARG001  # it has been asked for then
    postgres_transactions: SharedDatabase,
) -> Iterator[psycopg.Connection]:
    """A psycopg connection in one transaction, rolled back after the test, in a database that the tests here share.

    Code under test may say `commit()`, behind which a later `rollback()` does not reach and which checks what was
    deferred; and `with connection.transaction()`, which is a savepoint. No other connection sees any of it, and nobody
    is notified: take `postgres_db` for that. Sequences go on, as in every rollback. A test that ends the transaction by
    SQL, or writes over another connection, has an error that names what it left, and the next one a fresh database.
    """
    connection = postgres_transactions.begin()
    yield connection
    if left := postgres_transactions.end(connection):
        request.config.stash[KEY].lease.fail_leaked(f"postgres_tx, {left}", "use postgres_db, which is its own")
