"""Threads. Each query names the user; a thread of somebody else is one that does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from reference_backend.storage.database import Database
from reference_backend.storage.pages import Page, Position, page_of

__all__ = ["Thread", "create", "delete", "get", "listed", "rename"]

_COLUMNS = "id, title, created_at"


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation."""

    id: UUID
    title: str
    created_at: datetime


async def create(database: Database, user_id: UUID, title: str) -> Thread:
    """Make a thread."""
    query = f"INSERT INTO threads (user_id, title) VALUES (%s, %s) RETURNING {_COLUMNS}"
    made = await _one(database, user_id, query, [user_id, title])
    if made is None:
        raise LookupError("INSERT returned no row")
    return made


async def get(database: Database, user_id: UUID, thread_id: UUID) -> Thread | None:
    """Return a thread of this user."""
    query = f"SELECT {_COLUMNS} FROM threads WHERE user_id = %s AND id = %s"
    return await _one(database, user_id, query, [user_id, thread_id])


async def rename(database: Database, user_id: UUID, thread_id: UUID, title: str) -> Thread | None:
    """Give a thread of this user another title."""
    query = f"UPDATE threads SET title = %s WHERE user_id = %s AND id = %s RETURNING {_COLUMNS}"
    return await _one(database, user_id, query, [title, user_id, thread_id])


async def delete(database: Database, user_id: UUID, thread_id: UUID) -> bool:
    """Delete a thread of this user with its messages; say whether there was one."""
    query = f"DELETE FROM threads WHERE user_id = %s AND id = %s RETURNING {_COLUMNS}"
    return await _one(database, user_id, query, [user_id, thread_id]) is not None


async def listed(database: Database, user_id: UUID, limit: int, after: Position | None) -> Page[Thread]:
    """Return a page of the user's threads, the newest first."""
    query = f"SELECT {_COLUMNS} FROM threads WHERE user_id = %s"
    values: list[object] = [user_id]
    if after:
        query += " AND (created_at, id) < (%s, %s)"
        values += [after.created_at, after.id]
    async with database.as_user(user_id) as connection, connection.cursor(row_factory=class_row(Thread)) as cursor:
        await cursor.execute(f"{query} ORDER BY created_at DESC, id DESC LIMIT %s", [*values, limit + 1])
        rows = await cursor.fetchall()
    return page_of(rows, limit, lambda thread: Position(thread.created_at, thread.id))


async def _one(database: Database, user_id: UUID, query: str, values: list[object]) -> Thread | None:
    async with database.as_user(user_id) as connection, connection.cursor(row_factory=class_row(Thread)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()
