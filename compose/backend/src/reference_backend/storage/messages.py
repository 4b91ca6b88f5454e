"""Messages of a thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from reference_backend.storage.database import Database
from reference_backend.storage.pages import Page, Position, page_of

__all__ = ["Message", "listed", "search"]

_COLUMNS = "id, thread_id, run_id, role, text, created_at"


@dataclass(frozen=True, slots=True)
class Message:
    """What the user said, or what the agent answered."""

    id: UUID
    thread_id: UUID
    run_id: UUID
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime


async def listed(
    database: Database, user_id: UUID, thread_id: UUID, limit: int, after: Position | None
) -> Page[Message]:
    """Return a page of a thread's messages, the newest first; empty for a thread of somebody else."""
    query = f"SELECT {_COLUMNS} FROM messages WHERE user_id = %s AND thread_id = %s"
    values: list[object] = [user_id, thread_id]
    if after:
        query += " AND (created_at, id) < (%s, %s)"
        values += [after.created_at, after.id]
    async with database.as_user(user_id) as connection, connection.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(f"{query} ORDER BY created_at DESC, id DESC LIMIT %s", [*values, limit + 1])
        rows = await cursor.fetchall()
    return page_of(rows, limit, lambda message: Position(message.created_at, message.id))


async def search(database: Database, user_id: UUID, words: list[str], not_run: UUID, limit: int) -> list[Message]:
    """Return the user's own newest messages that hold one of the words, in any thread but not in the run `not_run`."""
    query = f"""
        SELECT {_COLUMNS} FROM messages
        WHERE user_id = %s AND role = 'user' AND run_id <> %s
        AND EXISTS (SELECT FROM unnest(%s::text[]) AS word WHERE position(lower(word) IN lower(messages.text)) > 0)
        ORDER BY created_at DESC, id DESC LIMIT %s
    """
    async with database.as_user(user_id) as connection, connection.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(query, [user_id, not_run, words, limit])
        return await cursor.fetchall()
