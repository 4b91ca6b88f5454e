"""The fixtures of Postgres beside `postgres_db`: a transaction, shared databases, connections and engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncEngine

    from test_framework.resolution import Endpoint

INSERT: LiteralString = "INSERT INTO author (name) VALUES (%s)"


def authors(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the authors, of whom the template has one."""
    return [name for (name,) in connection.execute("SELECT name FROM author ORDER BY id").fetchall()]


class TestTransaction:
    """`postgres_tx` in this run."""

    @pytest.mark.parametrize("run", ["first", "second", "third"])
    def test_each_begins_with_the_template(self, postgres_tx: psycopg.Connection, run: str) -> None:
        """What the test before has written, and said commit to, is not there."""
        assert authors(postgres_tx) == ["Ursula"]
        postgres_tx.execute(INSERT, ["unique"])
        postgres_tx.commit()
        postgres_tx.execute("CREATE TABLE only_here AS SELECT %s AS run", [run])
        assert authors(postgres_tx) == ["Ursula", "unique"]

    def test_a_rollback_reaches_back_to_the_commit(self, postgres_tx: psycopg.Connection) -> None:
        """As it does on a connection of one's own."""
        postgres_tx.execute(INSERT, ["one"])
        postgres_tx.commit()
        postgres_tx.execute(INSERT, ["two"])
        postgres_tx.rollback()
        assert authors(postgres_tx) == ["Ursula", "one"]
        postgres_tx.rollback()
        assert authors(postgres_tx) == ["Ursula", "one"]

    def test_a_block_is_a_savepoint(self, postgres_tx: psycopg.Connection) -> None:
        """Its end keeps what it did, an error undoes it; within it `commit` is refused, as psycopg does."""
        with postgres_tx.transaction():
            postgres_tx.execute(INSERT, ["one"])
            with pytest.raises(psycopg.errors.UniqueViolation), postgres_tx.transaction():
                postgres_tx.execute("INSERT INTO author (name) VALUES ('two'), ('one')")
            for refused in (postgres_tx.commit, postgres_tx.rollback):
                with pytest.raises(psycopg.ProgrammingError, match="forbidden within a Transaction"):
                    refused()
        assert authors(postgres_tx) == ["Ursula", "one"]

    @pytest.mark.parametrize("end", ["commit", "rollback"])
    def test_after_an_error_both_roll_back(self, postgres_tx: psycopg.Connection, end: str) -> None:
        """As the server does; then the connection can be used again."""
        postgres_tx.execute(INSERT, ["one"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            postgres_tx.execute(INSERT, ["one"])
        getattr(postgres_tx, end)()
        assert authors(postgres_tx) == ["Ursula"]

    def test_a_commit_checks_what_was_deferred(self, postgres_tx: psycopg.Connection) -> None:
        """It raises then, and has rolled back, as a commit does."""
        postgres_tx.execute("ALTER TABLE book ALTER CONSTRAINT book_author_id_fkey DEFERRABLE INITIALLY DEFERRED")
        postgres_tx.commit()
        postgres_tx.execute("INSERT INTO book (author_id, title) VALUES (77, 'orphan')")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            postgres_tx.commit()
        assert postgres_tx.execute("SELECT count(*) FROM book").fetchone() == (0,)
        postgres_tx.execute("INSERT INTO book (author_id, title) VALUES (77, 'orphan again')")
        postgres_tx.execute("UPDATE book SET author_id = 1")
        postgres_tx.commit()

    def test_another_connection_sees_nothing(self, postgres_tx: psycopg.Connection) -> None:
        """It may look, and that is no fault."""
        postgres_tx.execute(INSERT, ["one"])
        postgres_tx.commit()
        info = postgres_tx.info
        with psycopg.connect(info.dsn, password=info.password) as other:
            assert authors(other) == ["Ursula"]

    def test_sqlalchemy_joins_it(self, postgres_tx: psycopg.Connection) -> None:
        """An engine whose only connection it is: a session commits and rolls back, and all of it is undone later."""
        engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: postgres_tx, poolclass=StaticPool)
        insert = sqlalchemy.text("INSERT INTO author (name) VALUES (:name)")
        with Session(engine) as session:
            session.execute(insert, {"name": "one"})
            session.commit()
            with session.begin_nested():
                session.execute(insert, {"name": "two"})
            session.rollback()
        with engine.connect() as connection:
            names = connection.execute(sqlalchemy.text("SELECT name FROM author ORDER BY id")).scalars().all()
        assert names == ["Ursula", "one"]


class TestConnections:
    """Connections to `postgres_db` in this run."""

    def test_a_connection(self, postgres_db: Endpoint, postgres_connection: psycopg.Connection) -> None:
        """It is not in autocommit: others see what it has committed."""
        postgres_connection.execute(INSERT, ["one"])
        with psycopg.connect(postgres_db.url) as other:
            assert authors(other) == ["Ursula"]
            other.rollback()
            postgres_connection.commit()
            assert authors(other) == ["Ursula", "one"]

    def test_an_asynchronous_one(
        self,
        postgres_db: Endpoint,
        postgres_async: Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection]],
    ) -> None:
        """In a plain test, several at once; a block commits, or rolls back on an error, and closes."""

        async def insert(name: str) -> psycopg.AsyncConnection:
            async with postgres_async() as connection:
                await connection.execute(INSERT, [name])
                if name == "wrong":
                    raise ValueError(name)
            return connection

        async def both() -> list[Any]:
            return [*await asyncio.gather(insert("one"), insert("two"), insert("wrong"), return_exceptions=True)]

        one, two, wrong = asyncio.run(both())
        assert (one.closed, two.closed, type(wrong)) == (True, True, ValueError)
        with psycopg.connect(postgres_db.url) as connection:
            assert sorted(authors(connection)) == ["Ursula", "one", "two"]

    def test_an_engine(self, postgres_db: Endpoint, postgres_engine: sqlalchemy.Engine) -> None:
        """It has a pool, on psycopg."""
        with postgres_engine.begin() as connection:
            connection.execute(sqlalchemy.text("INSERT INTO author (name) VALUES ('one')"))
        with psycopg.connect(postgres_db.url) as connection_of_ours:
            assert authors(connection_of_ours) == ["Ursula", "one"]
        assert postgres_engine.dialect.driver == "psycopg"
        assert isinstance(postgres_engine.pool, sqlalchemy.QueuePool)
        assert postgres_engine.pool.checkedin() == 1

    def test_an_asynchronous_engine(self, postgres_db: Endpoint, postgres_async_engine: AsyncEngine) -> None:
        """It works in one event loop after the other."""

        async def insert(name: str) -> None:
            async with postgres_async_engine.begin() as connection:
                await connection.execute(sqlalchemy.text("INSERT INTO author (name) VALUES (:name)"), {"name": name})

        for name in ("one", "two"):
            asyncio.run(insert(name))
        with psycopg.connect(postgres_db.url) as connection:
            assert authors(connection) == ["Ursula", "one", "two"]
