"""One database for all tests of this process that need no commit: each in one transaction, which is rolled back."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq, sql
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.plugin.lease import Lease
    from test_framework.resolution import Endpoint

_PROVES = 150000
"""The server version from which a session can be told to report what it did at once."""

_MARK = "test_framework"
_BEGIN = f"BEGIN; SAVEPOINT {_MARK}".encode()
_END = f"ROLLBACK TO SAVEPOINT {_MARK}; ROLLBACK".encode()
_ROLL_BACK = (f"ROLLBACK TO SAVEPOINT {_MARK}".encode(),)

_COMMIT = (
    *(b"SAVEPOINT test_framework_check", b"SET CONSTRAINTS ALL IMMEDIATE"),
    b"ROLLBACK TO SAVEPOINT test_framework_check",
    *(f"{begin}SAVEPOINT {_MARK}".encode() for begin in ("RELEASE ", "")),
)
"""What was deferred to the commit is checked now, and stays deferred for what comes after."""

_LOOK = b"SELECT numbackends, xact_commit FROM pg_stat_database WHERE datname = current_database()"
_FLUSH = b"SELECT pg_stat_force_next_flush()"
_OWN_COMMITS = 3
"""Between two looks our session commits the last look, what resets it, and what makes it report."""

_GONE_SECONDS = 0.05
_LOOK_SECONDS = 0.001
_COMPARE_SECONDS = 10

_TABLES = """
SELECT c.oid::regclass::text, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND NOT c.relisshared AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('information_schema', 'pg_toast') AND has_table_privilege(c.oid, 'SELECT')
  AND (n.nspname <> 'pg_catalog' OR c.relname NOT IN ('pg_class', 'pg_attribute', 'pg_type', 'pg_depend',
       'pg_shdepend', 'pg_statistic', 'pg_statistic_ext_data', 'pg_index'))
"""
"""Not what follows from the definitions below, and not what the server itself may change at any time."""

_DEFINITIONS = """
SELECT c.oid::regclass::text, md5(concat(c.relkind, c.relpersistence, c.relacl, c.relowner, c.reloptions,
  (SELECT array_agg((a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped, a.attacl) ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relpersistence <> 't'
UNION ALL SELECT 'the database itself', md5(concat(d.datacl, d.datconnlimit, shobj_description(d.oid, 'pg_database'),
  (SELECT array_agg((s.setrole, s.setconfig) ORDER BY s.setrole)
     FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)))
FROM pg_database d WHERE d.datname = current_database()
UNION ALL SELECT 'prepared transactions', array_agg(gid)::text
FROM pg_prepared_xacts WHERE database = current_database()
"""


class SavepointConnection(psycopg.Connection):
    """A connection in a transaction that is not its own to end: `commit` and `rollback` reach back to a savepoint."""

    _depth = 0

    @contextmanager
    def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002  # as in psycopg
    ) -> Iterator[psycopg.Transaction]:
        """See `psycopg.Connection.transaction`; it is a savepoint."""
        self._depth += 1
        try:
            with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
        finally:
            self._depth -= 1

    def commit(self) -> None:
        """Keep what was done so far from `rollback`, if the constraints allow it that were deferred until now."""
        if not self._joined:
            super().commit()
        elif self.info.transaction_status is TransactionStatus.INERROR:
            # As the server does with COMMIT.
            self.rollback()
        else:
            try:
                self._send(_COMMIT)
            except psycopg.Error:
                self.rollback()
                raise

    def rollback(self) -> None:
        """Undo what was done since the last `commit`."""
        if self._joined:
            self._send(_ROLL_BACK)
        else:
            super().rollback()

    def _send(self, statements: Sequence[bytes]) -> None:
        """Execute one by one, since several at once are refused in a pipeline."""
        for statement in statements:
            self.execute(statement, prepare=False)

    @property
    def _joined(self) -> bool:
        """Whether to do it here; else psycopg refuses, or has nothing to do."""
        known = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
        return not self._depth and self.info.transaction_status in known


class SharedDatabase:
    """The shared database and the one session in it.

    Whether a test has committed something is read from the server's own count of commits in this database: while only
    our session is there, and has ended the transaction that it began, the count tells of nobody else. Where it does,
    the contents are compared with those of a fresh database, which takes the place of one that differs. Sequences are
    left out: what is taken from them is never rolled back.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._name = ""
        self._endpoint: Endpoint | None = None
        self._session: psycopg.Connection | None = None
        self._commits: int | None = None

    def begin(self) -> SavepointConnection:
        """Return a connection in a transaction."""
        if self._endpoint is None:
            self._name, self._endpoint = self._lease.checkout("postgres")
        if self._session is None:
            self._session = psycopg.connect(self._endpoint.url, autocommit=True)
            _run(self._session.pgconn, b"DISCARD ALL")
            self._commits = self._look(self._session.pgconn)[1]
        connection = SavepointConnection(self._session.pgconn)
        _run(self._session.pgconn, _BEGIN)
        return connection

    def end(self, connection: SavepointConnection) -> str:
        """Roll back; return what the test has left behind, and replace the database if there is anything."""
        session = self._session
        assert session is not None, "what ends has begun"
        # An object of its own for each test, so that nobody inherits its settings, and one that is kept is closed.
        connection.pgconn = _CLOSED
        intact = _roll_back(session.pgconn)
        if session.closed:
            # How often it has committed is not known.
            self._session, sessions, commits = None, 0, None
        else:
            sessions, commits = self._look(session.pgconn)
        expected = None if self._commits is None else self._commits + _OWN_COMMITS
        self._commits = commits
        if intact and sessions == 1 and commits is not None and commits == expected:
            return ""
        return self._compare(intact=intact, alone=sessions <= 1)

    def _look(self, pgconn: pq.abc.PGconn) -> tuple[int, int | None]:
        """Return how many sessions are in the database, and how often they have committed, where that is known."""
        if pgconn.server_version < _PROVES:
            return 0, None
        deadline = time.monotonic() + _GONE_SECONDS
        _run(pgconn, _FLUSH)
        sessions, commits = _numbers(_run(pgconn, _LOOK))
        if sessions == 1:
            return sessions, commits
        while sessions > 1 and time.monotonic() < deadline:
            # One that is closed is there for a moment more.
            time.sleep(_LOOK_SECONDS)
            sessions, _ = _numbers(_run(pgconn, _LOOK))
        return sessions, None

    def _compare(self, *, intact: bool, alone: bool) -> str:
        """Compare with a fresh database, and put that in the place of one that is not the same, or still in use."""
        assert self._endpoint is not None, "what ends has begun"
        name, fresh = self._lease.checkout("postgres")
        try:
            found = _differing(_facts(fresh.url), _facts(self._endpoint.url))
        except psycopg.errors.QueryCanceled:
            # Too large to compare: nobody is blamed, and nobody has it again.
            found, alone = [], False
        if not found and alone:
            self._lease.client.give_back(name, retain=False)
            if self._session is not None:
                self._commits = self._look(self._session.pgconn)[1]
            return ""
        self.close()
        self._name, self._endpoint = name, fresh
        how = "over another connection" if intact else "by ending the transaction"
        return f"{how}: {', '.join(found)}" if found else ""

    def close(self) -> None:
        """Give the database back."""
        if self._session is not None:
            self._session.close()
        if self._endpoint is not None:
            with suppress(Exception):
                self._lease.client.give_back(self._name, retain=False)
        self._session, self._endpoint = None, None


def _roll_back(pgconn: pq.abc.PGconn) -> bool:
    """Bring a session back to where it began; say whether it was still in the transaction that we began."""
    usable = pgconn.status == pq.ConnStatus.OK and pgconn.pipeline_status == pq.PipelineStatus.OFF
    if not usable or pgconn.transaction_status in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN):
        # Closed, or in the middle of something: the server rolls back what such a session has begun.
        pgconn.finish()
        return False
    intact = pgconn.exec_(_END).status == pq.ExecStatus.COMMAND_OK
    if not intact:
        _run(pgconn, b"ROLLBACK")
    _run(pgconn, b"DISCARD ALL")
    return intact


def _run(pgconn: pq.abc.PGconn, statements: bytes) -> pq.abc.PGresult:
    """Send statements in one round trip, past the connection's own accounts of its transaction.

    Raises:
        psycopg.Error: The server refuses them, or is gone.
    """
    result = pgconn.exec_(statements)
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise psycopg.OperationalError(result.get_error_message())
    return result


def _numbers(result: pq.abc.PGresult) -> tuple[int, int]:
    first, second = result.get_value(0, 0), result.get_value(0, 1)
    return int(first or 0), int(second or 0)


def _closed() -> pq.abc.PGconn:
    """Return what stands for the session in a connection whose test is over: one that was never opened."""
    return pq.PGconn.connect(b"host=/nonexistent connect_timeout=1")


_CLOSED = _closed()


def _facts(url: str) -> dict[str, object]:
    """Return what a database holds, by name: two with the same facts are the same, but for their sequences."""
    with psycopg.connect(url, options=f"-c statement_timeout={_COMPARE_SECONDS}s") as connection:
        facts: dict[str, object] = dict(connection.execute(_DEFINITIONS).fetchall())
        query = "SELECT {}, count(*), sum(hashtextextended(t::text, 0)) FROM ONLY {} t"
        tables = connection.execute(_TABLES).fetchall()
        each = [sql.SQL(query).format(f"rows of {shown}", sql.Identifier(*path)) for shown, *path in tables]
        rows = connection.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()
        return facts | {name: tuple(found) for name, *found in rows}


def _differing(before: dict[str, object], now: dict[str, object]) -> list[str]:
    """Return the names of what differs; of the server's own catalogs only where nothing else tells it."""
    found = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return [name for name in found if not name.startswith("rows of pg_")] or found
