"""What belongs to the whole server, and so not to the database of one test: roles, databases, and settings of roles.

A test that makes a role leaves it to the next test, and on a server that stays warm to the next run. On servers that
are ours, what a test made is removed with its database.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from test_framework.resolution import hide_secrets
from test_framework.services._postgres_admin import APPLICATION_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from test_framework.services._postgres_admin import Admin

_log = logging.getLogger(__name__)

# What a server has from the start has a lower number.
_EXISTING = """
SELECT (SELECT array_agg(rolname::text) FROM pg_authid WHERE oid >= 16384),
       (SELECT array_agg(datname::text) FROM pg_database WHERE oid >= 16384 AND NOT starts_with(datname, %s)),
       (SELECT array_agg(COALESCE(r.rolname::text, '')) FROM pg_db_role_setting s
        LEFT JOIN pg_authid r ON r.oid = s.setrole WHERE s.setdatabase = 0)
"""

# A fixture that makes a role for many tests does so from a database that is no test's. A session that is still open may
# not have been counted yet.
_EXTERNAL_SESSIONS = """
SELECT (SELECT sum(sessions) FROM pg_stat_database WHERE datid <> 0 AND NOT starts_with(datname, %(prefix)s)),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
        AND NOT starts_with(datname, %(prefix)s) AND application_name <> %(ours)s)
"""

_DATABASES_USING = """
SELECT d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_authid WHERE rolname = %s)
GROUP BY d.datname
"""

_DROPPED_SECONDS = 2.0
_RETRY_SECONDS = 0.005

_ROLE, _DATABASE, _SETTINGS = "role", "database", "settings of role"


@dataclass(frozen=True, slots=True)
class _ServerObject:
    kind: str
    name: str


class LeakedObjects:
    """Finds objects of the whole server that tests have leaked, and removes them. Safe to call from several threads.

    An object that appears while tests have databases here, and while no external session was in another database, is
    a candidate: one of these tests has made it, and it is removed when all of them have given their database back. Any
    other object is external: it may be meant for more than one test, and stays until the last run has ended.

    Args:
        admin: A connection of its own.
        prefix: The prefix of the names of the tests' databases.
    """

    def __init__(self, admin: Admin, prefix: str) -> None:
        self._admin = admin
        self._prefix = prefix
        self._lock = threading.Lock()
        self._known = self._existing()
        self._candidates: dict[_ServerObject, set[str]] = {}
        self._external: set[_ServerObject] = set()
        self._sessions, _ = self._external_sessions()

    def begin_run(self) -> None:
        """Count external sessions from now on, since a run begins: the health checks before it do not count."""
        with self._lock:
            self._sessions, _ = self._external_sessions()

    def accept_existing(self) -> None:
        """Count what exists now as belonging to the server, such as the roles of a template."""
        with self._lock:
            self._known |= self._existing()

    def remove_leaked_by(self, name: str, out: Callable[[], Collection[str]]) -> None:
        """Remove what the test that had database `name` made; `out` says which databases tests have now.

        Raises:
            psycopg.OperationalError: The server is gone.
        """
        with self._lock:
            new = self._existing() - self._known - self._external - self._candidates.keys()
            if not new and not self._candidates:
                return
            others = {*out()} - {name}
            if new:
                sessions, open_now = self._external_sessions()
                if open_now or sessions != self._sessions:
                    self._external |= new
                    _log.info("%s may be a fixture's, and stays until no run is left", _format_objects(new))
                else:
                    self._candidates |= {leaked: {name, *others} for leaked in new}
                self._sessions = sessions
            for leaked, who in list(self._candidates.items()):
                if who.intersection(others):
                    # A role that has something in the database of one of them was made there.
                    who.intersection_update(who.intersection(self._databases_using(leaked)) or who)
                if not who.intersection(others):
                    del self._candidates[leaked]
                    self._remove(leaked)

    def tidy(self) -> None:
        """Remove all of them, when no run is left; raises as `remove_leaked_by` does."""
        with self._lock:
            self._external.clear()
            self._candidates.clear()
            for leaked in sorted(self._existing() - self._known, key=lambda s: s.kind):
                self._remove(leaked)

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def _existing(self) -> set[_ServerObject]:
        found = self._admin.fetch_all(_EXISTING, [self._prefix])[0]
        kinds = (_ROLE, _DATABASE, _SETTINGS)
        return {_ServerObject(kind, name) for kind, names in zip(kinds, found, strict=True) for name in names or ()}

    def _external_sessions(self) -> tuple[int, int]:
        """Return how many sessions there ever were in databases that are no test's, and how many are open now."""
        ever, now = self._admin.fetch_all(_EXTERNAL_SESSIONS, {"prefix": self._prefix, "ours": APPLICATION_NAME})[0]
        return int(ever), int(now)

    def _remove(self, leaked: _ServerObject) -> None:
        """Remove it; what the server refuses is logged, and seen again when the runs are over."""
        name = sql.Identifier(leaked.name)
        try:
            if leaked.kind == _DATABASE:
                self._admin.drop(leaked.name)
            elif leaked.kind == _SETTINGS:
                self._admin.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(name if leaked.name else sql.SQL("ALL")))
            else:
                self._drop_role(leaked.name)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            _log.warning("%s stays: %s", _format_objects([leaked]), hide_secrets(str(error)))
        else:
            _log.info("a test left %s, which is removed", _format_objects([leaked]))

    def _databases_using(self, leaked: _ServerObject) -> list[str]:
        """Return the databases in which a role owns something, or may do something."""
        found = self._admin.fetch_all(_DATABASES_USING, [leaked.name]) if leaked.kind == _ROLE else ()
        return [str(database) for (database,) in found]

    def _drop_role(self, role: str) -> None:
        """Drop it with all that it has, also in the database of a failed test, whose rows a person may look at."""
        name = sql.Identifier(role)
        deadline = time.monotonic() + _DROPPED_SECONDS
        while True:
            for database in self._databases_using(_ServerObject(_ROLE, role)):
                # What was given back is dropped at the same time, by another thread.
                with suppress(psycopg.OperationalError), self._admin.connect_to(database) as inside:
                    _drop_owned(inside.execute, name)
            _drop_owned(self._admin.execute, name)
            try:
                self._admin.execute(sql.SQL("DROP ROLE {}").format(name))
            except psycopg.errors.DependentObjectsStillExist:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return


def _drop_owned(execute: Callable[[sql.Composed], object], role: sql.Identifier) -> None:
    execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    execute(sql.SQL("DROP OWNED BY {}").format(role))


def _format_objects(objects: Iterable[_ServerObject]) -> str:
    return ", ".join(sorted(f"{each.kind} {each.name or 'ALL'}" for each in objects))
