"""A keyspace for each test that is a prefix of keys and channels, with a user of its own who may touch nothing else."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from test_framework import owner
from test_framework.config import Isolation
from test_framework.contracts import IsolatedResource
from test_framework.resolution import Refused
from test_framework.services._redis_databases import (
    ANSWER_SECONDS,
    MOST_RETAINED,
    NumberedDatabase,
    NumberedDatabases,
    endpoint_for,
    isolation_failed,
    remove_and_close,
    server_gone,
)
from test_framework.services._resp import RedisConnection, ReplyError
from test_framework.version import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.resolution import Endpoint

_log = logging.getLogger(__name__)

_PREFIX = "tf_"
_OLDEST = (6, 2)
"""The version from which a user can be held to channels."""

_FUNCTIONS = (7, 0)
"""The version from which there are functions, and a subcommand has categories of its own."""

_RULES = (
    *("+@all", "-@admin", "-@dangerous", "+info"),
    # Other databases, where nobody would look for what was left.
    *("-select", "-move", "-copy"),
    # These look at all keys and channels, and no pattern holds them back.
    *("-scan", "-dbsize", "-randomkey", "-pubsub"),
    # What one test flushes, another one has just loaded.
    *("-script", "+script|load", "+script|exists"),
)
_RULES_OLD = ("+client|setname", "+client|getname", "+client|id", "+client|setinfo", "+client|reply")
"""Before version 7, all of CLIENT is dangerous for what some of it does."""

_CLEAN_SECONDS = 30.0
_PAGE = 1000


class PrefixedKeyspaces:
    """See `contracts.Databases`. Needs no database but 0, and has as many parts as are asked for.

    Every name carries the process that made it, so that what a killed one left on a server that is not ours is found
    and removed by the next.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._ours = endpoint.ours
        version = numbers_of(endpoint.version or "")[:2]
        if version < _OLDEST:
            why = f"version {endpoint.version} is older than {'.'.join(map(str, _OLDEST))}"
            raise isolation_failed(endpoint, Isolation.PREFIX, why)
        self._rules = (*_RULES, *(("-function",) if version >= _FUNCTIONS else _RULES_OLD))
        self._lock = threading.Lock()
        self._number = count(1)
        self._name_prefix = owner.prefix_of(_PREFIX)
        self._retained: deque[str] = deque()
        self._checked_out: set[str] = set()
        self._numbered: NumberedDatabases | None = None
        self._connection = RedisConnection(endpoint.url, endpoint.provider, ANSWER_SECONDS)
        if not self._ours:
            self._sweep()

    def _sweep(self) -> None:
        answers = self._connection.ask_all(("ACL", "USERS"))
        users = [] if isinstance(answers[0], ReplyError) else [bytes(name).decode() for name in answers[0]]
        self._remove([name for name in users if owner.abandoned(name, _PREFIX)])

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Nothing is made ahead: a user is made in one round trip."""

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> IsolatedResource:
        """Return a new prefix; `template` is for services that have schemas."""
        if skip_template:
            return self._databases().checkout(template, run, env)
        name, password = f"{self._name_prefix}{next(self._number)}", secrets.token_hex(16)
        prefix = f"{name}:"
        held = ("reset", "on", f">{password}", f"~{prefix}*", "resetchannels", f"&{prefix}*")
        try:
            with self._lock:
                self._connection.ask("ACL", "SETUSER", name, *held, *self._rules)
                self._checked_out.add(name)
        except ReplyError as error:
            raise isolation_failed(self._endpoint, Isolation.PREFIX, str(error).replace(password, "***")) from None
        except OSError as error:
            raise Refused(server_gone(self._endpoint, error)) from error
        return IsolatedResource(name, endpoint_for(self._endpoint, 0, f"{name}:{password}", prefix))

    def _databases(self) -> NumberedDatabases:
        with self._lock:
            if self._numbered is None:
                self._numbered = NumberedDatabases(self._endpoint)
            return self._numbered

    def leaked(self, isolated: IsolatedResource) -> list[str]:
        """Return nothing: its user may touch nothing outside of its prefix."""
        return []

    def give_back(self, isolated: IsolatedResource, *, retain: bool) -> None:
        """Remove the user with its connections and keys, or retain them; the oldest of too many retained ones goes."""
        if isinstance(isolated, NumberedDatabase):
            self._databases().give_back(isolated, retain=retain)
            return
        with self._lock:
            self._checked_out.discard(isolated.name)
            doomed = [isolated.name]
            if retain:
                self._retained.append(isolated.name)
                doomed = [self._retained.popleft()] if len(self._retained) > MOST_RETAINED else []
            self._remove(doomed)

    def _remove(self, names: list[str]) -> None:
        """Remove users and what they have left. A pass over all keys is bounded: what is not reached stays."""
        if not names:
            return
        # First the users: with them go their connections, so that nobody writes behind our back.
        self._connection.ask_all(*(("ACL", "DELUSER", name) for name in names))
        deadline = time.monotonic() + _CLEAN_SECONDS
        for name in names:
            for keys in self._pages(f"{name}:*"):
                if keys:
                    self._connection.ask("UNLINK", *keys)
                if time.monotonic() > deadline:
                    _log.warning("keys of %s are left on %s: there are too many to look at", name, self._endpoint)
                    return

    def _pages(self, pattern: str) -> Iterator[list[bytes]]:
        cursor = "0"
        while True:
            found, keys = self._connection.ask("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
            yield keys
            cursor = bytes(found).decode()
            if cursor == "0":
                return

    def tidy(self) -> None:
        """Remove all keys of a server of ours but those under a prefix in use or retained; bounded as `_remove` is."""
        if not self._ours:
            return
        with suppress(OSError, Refused):
            self._databases().flush_unused(also_spared=(0,))
            deadline = time.monotonic() + _CLEAN_SECONDS
            with self._lock:
                held = tuple(f"{name}:".encode() for name in (*self._checked_out, *self._retained))
                for keys in self._pages("*"):
                    if strays := [key for key in keys if not key.startswith(held)]:
                        self._connection.ask("UNLINK", *strays)
                    if time.monotonic() > deadline:
                        return

    def close(self) -> str:
        """Remove what was made on an external server, and close the connections; see `contracts.Databases`."""
        with self._lock:
            left = self._numbered.close() if self._numbered else ""
            names = [*self._retained, *self._checked_out]
            what = f"the users {', '.join(names)} and their keys"
            return remove_and_close(self._endpoint, self._connection, what, lambda: self._remove(names)) or left
