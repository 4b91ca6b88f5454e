"""The database's schema: brought to the newest revision by alembic, by one process at a time."""

from __future__ import annotations

import logging

import psycopg
from psycopg.rows import scalar_row

from reference_backend.storage.migrations import HEAD

__all__ = ["HEAD", "SchemaProblem", "current", "migrate"]

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5


class SchemaProblem(Exception):
    """The migrations cannot be run; the text says why."""


def migrate(url: str) -> str:
    """Bring the database to the newest revision; return the revision that it had before, or `-`.

    Any number of processes may do this at once: the first does the work, the others wait and find it done.

    Raises:
        SchemaProblem: The server cannot be reached, a revision failed, or the database is newer than this code.
    """
    try:
        before = _revision(url)
        if before != HEAD:
            _upgrade(url)
    except psycopg.Error as error:
        raise SchemaProblem(f"{type(error).__name__}: {error}".strip()) from error
    log.info("schema ready", extra={"revision": HEAD, "before": before})
    return before


def _revision(url: str) -> str:
    with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, row_factory=scalar_row) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() is None:
            return "-"
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone() or "-")


def _upgrade(url: str) -> None:
    # A third of a second to load, for what is there already at most starts.
    import sqlalchemy
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "reference_backend:storage/migrations")
    engine = sqlalchemy.create_engine(
        # Libpq reads the URL itself: it knows forms that SQLAlchemy does not.
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=_CONNECT_SECONDS),
        poolclass=sqlalchemy.pool.NullPool,
    )
    config.attributes["engine"] = engine
    try:
        command.upgrade(config, "head")
    except (CommandError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise SchemaProblem(f"{type(error).__name__}: {error}") from error
    finally:
        engine.dispose()


async def current(connection: psycopg.AsyncConnection[object]) -> str:
    """Return the revision of the database, `-` when it has none."""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute("SELECT to_regclass('alembic_version')")
        if await cursor.fetchone() is None:
            return "-"
        await cursor.execute("SELECT version_num FROM alembic_version")
        return str(await cursor.fetchone() or "-")
