"""A keyspace for each test that is a prefix of keys and channels, with a user of its own who may touch nothing else."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from test_framework import owner
from test_framework.config import Isolation
from test_framework.resolution import Refused
from test_framework.services._redis_databases import (
    ANSWER_SECONDS,
    KEPT,
    Numbered,
    NumberedDatabases,
    forget_password,
    gone,
    part_of,
    refused,
)
from test_framework.services._resp import Connection, ReplyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.resolution import Endpoint

__all__ = ["Prefixes"]

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


@dataclass(frozen=True, slots=True)
class _Prefixed:
    name: str
    endpoint: Endpoint


class Prefixes:
    """See `contracts.Databases`. Needs no database but 0, and has as many parts as are asked for.

    Every name carries the process that made it, so that what a killed one left on a server that is not ours is found
    and removed by the next.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._ours = endpoint.ours
        version = tuple(int(number) for number in re.findall(r"\d+", endpoint.version or "")[:2])
        if version < _OLDEST:
            why = f"version {endpoint.version} is older than {'.'.join(map(str, _OLDEST))}"
            raise refused(endpoint, Isolation.PREFIX, why)
        self._rules = (*_RULES, *(("-function",) if version >= _FUNCTIONS else _RULES_OLD))
        self._lock = threading.Lock()
        self._number = count(1)
        self._begin = owner.prefix_of(_PREFIX)
        self._kept: deque[str] = deque()
        self._out: set[str] = set()
        self._numbered: NumberedDatabases | None = None
        self._connection = Connection(endpoint.url, endpoint.provider, ANSWER_SECONDS)
        if not self._ours:
            self._sweep()

    def _sweep(self) -> None:
        answers = self._connection.ask_all(("ACL", "USERS"))
        users = [] if isinstance(answers[0], ReplyError) else [bytes(name).decode() for name in answers[0]]
        self._remove([name for name in users if owner.abandoned(name, _PREFIX)])

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Nothing is made ahead: a user is made in one round trip."""

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, whole: bool = False
    ) -> _Prefixed | Numbered:
        """Return a new prefix; `template` is for services that have schemas."""
        if whole:
            return self._databases().checkout(template, run, env)
        name, password = f"{self._begin}{next(self._number)}", secrets.token_hex(16)
        prefix = f"{name}:"
        held = ("reset", "on", f">{password}", f"~{prefix}*", "resetchannels", f"&{prefix}*")
        try:
            with self._lock:
                self._connection.ask("ACL", "SETUSER", name, *held, *self._rules)
                self._out.add(name)
        except ReplyError as error:
            raise refused(self._endpoint, Isolation.PREFIX, str(error).replace(password, "***")) from None
        except OSError as error:
            raise Refused(gone(self._endpoint, error)) from error
        return _Prefixed(name, part_of(self._endpoint, 0, f"{name}:{password}", prefix))

    def _databases(self) -> NumberedDatabases:
        with self._lock:
            if self._numbered is None:
                self._numbered = NumberedDatabases(self._endpoint)
            return self._numbered

    def leaked(self, isolated: _Prefixed | Numbered) -> list[str]:
        """Return nothing: its user may touch nothing outside of its prefix."""
        return []

    def give_back(self, isolated: _Prefixed | Numbered, *, keep: bool) -> None:
        """Remove the user, with his connections, and his keys, unless they are kept; of those, the oldest goes."""
        if isinstance(isolated, Numbered):
            self._databases().give_back(isolated, keep=keep)
            return
        with self._lock:
            self._out.discard(isolated.name)
            doomed = [isolated.name]
            if keep:
                self._kept.append(isolated.name)
                doomed = [self._kept.popleft()] if len(self._kept) > KEPT else []
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
        """Remove all keys of a server of ours beside the parts that are out or kept, within the bound of `_remove`."""
        if not self._ours:
            return
        with suppress(OSError, Refused):
            self._databases().empty(spared=(0,))
            deadline = time.monotonic() + _CLEAN_SECONDS
            with self._lock:
                held = tuple(f"{name}:".encode() for name in (*self._out, *self._kept))
                for keys in self._pages("*"):
                    if strays := [key for key in keys if not key.startswith(held)]:
                        self._connection.ask("UNLINK", *strays)
                    if time.monotonic() > deadline:
                        return

    def close(self) -> str:
        """Remove what was made, where the server lives on, and close the connections; see `contracts.Databases`."""
        with self._lock:
            left = self._numbered.close() if self._numbered else ""
            names = [*self._kept, *self._out]
            try:
                if not self._ours:
                    self._remove(names)
            except (OSError, ReplyError) as error:
                left = f"the users {', '.join(names)} and their keys: {error}"
            finally:
                self._connection.close()
                forget_password(self._endpoint)
        return left
