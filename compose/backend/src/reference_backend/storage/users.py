"""Accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from reference_backend.storage.database import Database

__all__ = ["EmailTaken", "User", "by_email", "by_id", "create", "delete"]


class EmailTaken(Exception):
    """There is an account with this address."""


@dataclass(frozen=True, slots=True)
class User:
    """An account; the hash of its password stays out of every text form."""

    id: UUID
    email: str
    name: str
    created_at: datetime


async def create(database: Database, email: str, name: str, password_hash: str) -> User:
    """Make an account; `email` is in lower case.

    Raises:
        EmailTaken: Somebody has it already.
    """
    async with database.transaction() as connection, connection.cursor(row_factory=class_row(User)) as cursor:
        try:
            await cursor.execute(
                "INSERT INTO users (email, name, password_hash) VALUES (%s, %s, %s)"
                " RETURNING id, email, name, created_at",
                [email, name, password_hash],
            )
        except UniqueViolation as error:
            raise EmailTaken(email) from error
        user = await cursor.fetchone()
    if user is None:
        raise LookupError("INSERT returned no row")
    return user


async def by_email(database: Database, email: str) -> tuple[User, str] | None:
    """Return the account with that address and the hash of its password."""
    async with database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT id, email, name, created_at, password_hash FROM users WHERE email = %s", [email]
        )
        row = await cursor.fetchone()
    return (User(*row[:4]), row[4]) if row else None


async def by_id(database: Database, user_id: UUID) -> User | None:
    """Return the account."""
    async with database.transaction() as connection, connection.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute("SELECT id, email, name, created_at FROM users WHERE id = %s", [user_id])
        return await cursor.fetchone()


async def delete(database: Database, user_id: UUID) -> None:
    """Delete the account with all that it owns."""
    async with database.as_user(user_id) as connection:
        await connection.execute("DELETE FROM users WHERE id = %s", [user_id])
