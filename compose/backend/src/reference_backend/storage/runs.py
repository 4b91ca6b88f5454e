"""Runs of the agent: one per message of the user, known by the id that the client gave the message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reference_backend.storage.database import Connection, Database

__all__ = ["Accepted", "Conflict", "Ended", "Ending", "NoSuchThread", "Run", "Status", "accept", "finish", "get"]

Status = Literal["running", "completed", "recovered", "failed"]

_TITLE_CHARACTERS = 60


class NoSuchThread(LookupError):
    """The user has no such thread."""


class Conflict(ValueError):
    """The client has used this id for another message."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that is kept, with the run that answers it."""

    user_id: UUID
    thread_id: UUID
    run_id: UUID
    message_id: UUID
    client_id: str
    text: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands."""

    id: UUID
    thread_id: UUID
    client_id: str
    status: Status
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run is to end, with the agent's answer where there is one."""

    status: Status
    answer: str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run has ended, with the agent's message where there is one."""

    status: Status
    error: dict[str, Any] | None
    message_id: UUID | None
    text: str | None


async def accept(database: Database, user_id: UUID, client_id: str, thread_id: UUID | None, text: str) -> Accepted:
    """Keep a message, in a new thread when it names none, and open its run; the second time find the first.

    Raises:
        NoSuchThread: The thread is not one of this user.
        Conflict: The same id came with another text or for another thread.
    """
    async with database.as_user(user_id) as connection:
        # One at a time for the same id: the second waits here until the first is kept.
        key = f"{user_id}/{client_id}"
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        cursor = await connection.execute(
            "SELECT runs.thread_id, runs.id, messages.id, messages.text FROM runs"
            " JOIN messages ON messages.run_id = runs.id AND messages.role = 'user'"
            " WHERE runs.user_id = %s AND runs.client_id = %s",
            [user_id, client_id],
        )
        if known := await cursor.fetchone():
            thread, run, message, kept = known
            if kept != text or thread_id not in (None, thread):
                raise Conflict(client_id)
            return Accepted(user_id, thread, run, message, client_id, text, duplicate=True)
        return await _insert(connection, user_id, client_id, thread_id, text)


async def _insert(connection: Connection, user_id: UUID, client_id: str, thread_id: UUID | None, text: str) -> Accepted:
    if thread_id is None:
        title = " ".join(text.split())[:_TITLE_CHARACTERS] or "New thread"
        thread_id = await _id(
            connection, "INSERT INTO threads (user_id, title) VALUES (%s, %s) RETURNING id", [user_id, title]
        )
    run_id = await _id(
        connection,
        "INSERT INTO runs (user_id, thread_id, client_id)"
        " SELECT user_id, id, %s FROM threads WHERE user_id = %s AND id = %s RETURNING id",
        [client_id, user_id, thread_id],
    )
    message_id = await _id(
        connection,
        "INSERT INTO messages (user_id, thread_id, run_id, role, text) VALUES (%s, %s, %s, 'user', %s) RETURNING id",
        [user_id, thread_id, run_id, text],
    )
    return Accepted(user_id, thread_id, run_id, message_id, client_id, text, duplicate=False)


async def _id(connection: Connection, query: str, values: list[object]) -> UUID:
    row = await (await connection.execute(query, values)).fetchone()
    if row is None:
        raise NoSuchThread
    found: UUID = row[0]
    return found


async def finish(database: Database, user_id: UUID, run_id: UUID, ending: Ending) -> Ended | None:
    """End a run that is running, with the agent's answer where there is one; return how it has ended.

    A run that has ended before stays as it is. None when it is gone, with its thread or its user.
    """
    async with database.as_user(user_id) as connection:
        cursor = await connection.execute(
            "UPDATE runs SET status = %s, error = %s, finished_at = clock_timestamp()"
            " WHERE user_id = %s AND id = %s AND status = 'running' RETURNING thread_id",
            [ending.status, Jsonb(ending.error) if ending.error else None, user_id, run_id],
        )
        row = await cursor.fetchone()
        if row and ending.answer is not None:
            await connection.execute(
                "INSERT INTO messages (user_id, thread_id, run_id, role, text) VALUES (%s, %s, %s, 'assistant', %s)",
                [user_id, row[0], run_id, ending.answer],
            )
        ended = connection.cursor(row_factory=class_row(Ended))
        await ended.execute(
            "SELECT runs.status, runs.error, messages.id AS message_id, messages.text FROM runs"
            " LEFT JOIN messages ON messages.run_id = runs.id AND messages.role = 'assistant'"
            " WHERE runs.user_id = %s AND runs.id = %s",
            [user_id, run_id],
        )
        return await ended.fetchone()


async def get(database: Database, user_id: UUID, run_id: UUID) -> Run | None:
    """Return a run of this user."""
    query = (
        "SELECT id, thread_id, client_id, status, error, created_at, finished_at"
        " FROM runs WHERE user_id = %s AND id = %s"
    )
    async with database.as_user(user_id) as connection, connection.cursor(row_factory=class_row(Run)) as cursor:
        await cursor.execute(query, [user_id, run_id])
        return await cursor.fetchone()
