"""The pool of connections to Postgres, and transactions that belong to one user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from reference_backend.config import Settings

__all__ = ["Connection", "Database"]

Connection: TypeAlias = AsyncConnection[TupleRow]

_RECONNECT_SECONDS = 1.0
_CONNECT_SECONDS = 2
"""Libpq takes no shorter one."""


class Database:
    """Connections to Postgres. What cannot be had in time is a `psycopg.OperationalError`."""

    def __init__(self, settings: Settings) -> None:
        self._statement_ms = int(settings.database_timeout_seconds * 1000)
        self._pool = AsyncConnectionPool(
            settings.database_url.get_secret_value(),
            min_size=1,
            max_size=settings.database_pool_size,
            open=False,
            timeout=settings.database_timeout_seconds,
            # A server that was restarted leaves connections behind that only look whole.
            check=AsyncConnectionPool.check_connection,
            configure=self._configure,
            # Give up soon, so that the next request tries anew: the pool's own waits grow to minutes.
            reconnect_timeout=_RECONNECT_SECONDS,
            kwargs={"connect_timeout": _CONNECT_SECONDS},
        )

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(f"SET statement_timeout = {self._statement_ms}")
        await connection.commit()

    async def open(self) -> None:
        """Begin to connect; does not wait, since the server may come later."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection in a transaction, for what belongs to nobody: accounts, health."""
        async with self._pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def as_user(self, user_id: UUID) -> AsyncIterator[Connection]:
        """Give a connection in a transaction that sees the rows of this user only (where row security holds)."""
        async with self._pool.connection() as connection:
            await connection.execute("SELECT set_config('backend.user_id', %s, true)", [str(user_id)])
            yield connection
