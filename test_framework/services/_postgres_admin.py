"""Statements that make, look at and drop databases of a server, over one connection."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from test_framework.reach.libpq import DIRECT
from test_framework.services._postgres_connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self

    from test_framework.services._postgres_shape import TemplateShape

APPLICATION_NAME = "test-framework"
"""The name by which the server knows our own sessions."""

_FILE_COPY = 150000
"""The server version from which a clone may copy files, which on memory is five times as fast as WAL."""

_COUNTS_AT_EXIT = 150000
"""The server version from which a session has told its counts before it is gone from the list of sessions; in older
ones they came later, by a message that could be lost."""

_GONE_SECONDS = 0.15
_LOOK_SECONDS = 0.001

# The counts are those of all tables of the database, catalogs included, also of what was rolled back. Its own row, its
# settings and its comment are in catalogs that all databases share. Only sequences change without a count; but one that
# nobody has touched has no entry in the statistics. Its number there is an oid, and since version 18 a bigint: a bigint
# becomes either.
_STATE = """
SELECT ARRAY(SELECT q::int8 FROM unnest(%s::oid[]) q WHERE pg_stat_have_stats('relation', d.oid, q::int8)),
       s.tup_inserted, s.tup_updated, s.tup_deleted, s.stats_reset, d::text,
       (SELECT array_agg(r::text ORDER BY r::text) FROM pg_db_role_setting r WHERE r.setdatabase = d.oid),
       (SELECT array_agg(c::text) FROM pg_shdescription c WHERE c.objoid = d.oid),
       (SELECT array_agg(x.gid) FROM pg_prepared_xacts x WHERE x.database = d.datname)
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = %s
"""


_NO_TIMEOUTS: LiteralString = """\
SELECT set_config(name, '0', false) FROM pg_settings WHERE setting <> '0' AND name IN
('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout')
"""


@dataclass(frozen=True, slots=True)
class DatabaseFingerprint:
    """What must be equal in two looks at a database for it to be unchanged.

    Attributes:
        touched: The OIDs of the sequences that somebody has used.
        counts: Of the rows that were ever inserted, updated and deleted.
        facts: What else there is, and when the counts began: two databases that are equal in all have the same rows.
    """

    touched: tuple[int, ...]
    counts: tuple[object, ...]
    facts: tuple[object, ...]

    @classmethod
    def of(cls, connection: psycopg.Connection, name: str, shape: TemplateShape) -> DatabaseFingerprint | None:
        """Return the state of a database in which nobody else is; None when it is gone."""
        row = connection.execute(_STATE, [list(shape.sequences), name]).fetchone()
        return cls(tuple(row[0]), tuple(row[1:4]), tuple(row[4:])) if row else None


class Admin:
    """One connection, for one thread at a time. Every method raises `psycopg.OperationalError` when the server is gone.

    Args:
        url: Of a database of the server that is none of those it makes.
        direct: Ask for no encryption: the server is ours, and on this machine.
    """

    def __init__(self, url: str, *, direct: bool = False) -> None:
        self._url = make_conninfo(url, application_name=APPLICATION_NAME, **(DIRECT if direct else {}))
        self._connection = open_connection(self._url)
        # Of the server's settings, those that would end it or a clone that takes long do not hold for this session.
        self._connection.execute(_NO_TIMEOUTS)
        version = self._connection.info.server_version
        self._fast: LiteralString = " STRATEGY FILE_COPY" if version >= _FILE_COPY else ""
        self._proves = version >= _COUNTS_AT_EXIT
        if self._proves:
            # Tell now that there is one session more, and not a second later.
            self._connection.execute("SELECT pg_stat_force_next_flush()")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def connection_lost(self) -> bool:
        """Whether the connection is lost, and not only a statement refused."""
        return self._connection.closed

    def names(self, prefix: str) -> list[str]:
        """Return the databases whose names begin so."""
        rows = self.fetch_all("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        return [str(name) for (name,) in rows]

    def create(self, name: str, template: str) -> None:
        """Make a database."""
        self._run("CREATE DATABASE {} TEMPLATE {}" + self._fast, name, template)

    def drop(self, name: str) -> None:
        """Drop a database, and what holds it: sessions, and transactions that were prepared in it."""
        try:
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        except psycopg.errors.ObjectInUse:
            self._roll_back_prepared(name)
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def size(self, name: str) -> int:
        """Return how many bytes a database has."""
        return int(self.fetch_all("SELECT pg_database_size(%s)", [name])[0][0])

    def state(self, name: str, shape: TemplateShape) -> DatabaseFingerprint | None:
        """Return what a database is now; None while somebody uses it, for which it waits a moment to end.

        None also on a server that is too old to tell.
        """
        if not self._proves or not self.wait_until_unused(name):
            return None
        return DatabaseFingerprint.of(self._connection, name, shape)

    def wait_until_unused(self, name: str) -> bool:
        """Wait a moment for the sessions in a database to be gone, and say whether they are.

        A server that is asked for a clone while one is on its way out waits for a tenth of a second.
        """
        query: LiteralString = "SELECT pg_stat_get_db_numbackends(oid) FROM pg_database WHERE datname = %s"
        deadline = time.monotonic() + _GONE_SECONDS
        while self.fetch_all(query, [name]) != [(0,)]:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _roll_back_prepared(self, name: str) -> None:
        rows = self.fetch_all("SELECT gid FROM pg_prepared_xacts WHERE database = %s", [name])
        # Only a session in the same database may end them.
        with self.connect_to(name) as inside:
            for (gid,) in rows:
                inside.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))

    def connect_to(self, name: str) -> psycopg.Connection:
        """Connect to a database that was made."""
        return open_connection(self._url, dbname=name)

    def fetch_all(
        self, query: LiteralString, parameters: Sequence[object] | Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(query, parameters).fetchall()

    def execute(self, statement: sql.Composed) -> None:
        """Run a statement."""
        self._connection.execute(statement)

    def _run(self, statement: LiteralString, *identifiers: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, identifiers)))
