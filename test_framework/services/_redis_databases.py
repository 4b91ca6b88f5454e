"""A keyspace for each test that is one of the server's numbered databases, flushed afterwards."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from test_framework import owner
from test_framework.config import Isolation
from test_framework.contracts import IsolatedResource
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.services._redis_watch import ServerWatch, Snapshot
from test_framework.services._resp import RedisConnection, ReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

ANSWER_SECONDS = 10.0
MOST_RETAINED = 20
"""How many resources of failed tests are retained; then the oldest goes."""

_CLAIM_PREFIX = "tf_"
_CLAIM_SECONDS = 24 * 3600
"""After which the claim of a process that was killed on another machine, where we cannot look, counts no more."""

_USUAL_DATABASES = 16


@dataclass(frozen=True, slots=True)
class NumberedDatabase(IsolatedResource):
    """A numbered database of one test.

    Attributes:
        before: The state of the server when the test got it.
    """

    before: Snapshot


class NumberedDatabases:
    """See `contracts.Databases`. Hands out databases that are empty, each to one test at a time.

    On a server that is not ours the number is also claimed in database 0, so that two runs do not take the same,
    and a database that already holds keys is never taken. The claim names the process, so that what a killed one has
    left is found and flushed by the next.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._ours = endpoint.ours
        # One connection, so that SELECT holds for the command after it; the lock keeps threads apart.
        self._connection = RedisConnection(endpoint.url, endpoint.provider, ANSWER_SECONDS)
        self._watch = ServerWatch(self._connection, whole_server=self._ours)
        self._lock = threading.Lock()
        self._owner_mark = f"{owner.prefix_of(_CLAIM_PREFIX)}1"
        self._in_use: set[int] = set()
        self._retained: deque[int] = deque()
        self._next = 1
        try:
            self._count = int(self._connection.ask("CONFIG", "GET", "databases")[1])
        except ReplyError:
            # Hosted servers refuse CONFIG; every server has as many as this.
            self._count = _USUAL_DATABASES
        if not self._ours:
            self._sweep()

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Nothing is made ahead: a database of Redis is there when it is named."""

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> NumberedDatabase:
        """Return the next empty database; `template` is for services that have schemas."""
        try:
            with self._lock:
                before = self._watch.snapshot()
                number = self._claim(before)
        except OSError as error:
            raise Refused(server_gone(self._endpoint, error)) from error
        return NumberedDatabase(str(number), endpoint_for(self._endpoint, number), before)

    def _sweep(self) -> None:
        """Flush the databases that a killed process of this machine has claimed."""
        numbers = range(1, self._count)
        claims = self._connection.ask("MGET", *map(_claim_key, numbers))
        for number, sign in zip(numbers, claims, strict=True):
            if not owner.abandoned((sign or b"").decode(errors="replace"), _CLAIM_PREFIX):
                continue
            claim, flush = _claim_key(number), (("SELECT", number), ("FLUSHDB",), ("SELECT", 0))
            self._connection.ask("WATCH", claim)
            # Another run may have been first, and have given the number to a test by now.
            same = self._connection.ask("GET", claim) == sign
            self._connection.ask_all(*((("MULTI",), *flush, ("DEL", claim), ("EXEC",)) if same else (("UNWATCH",),)))

    def _claim(self, seen: Snapshot) -> int:
        for _ in range(self._count - 1):
            number = self._next
            self._next = self._next % (self._count - 1) + 1
            if number in self._in_use or number in seen.keys:
                continue
            if not self._ours and not self._connection.ask(
                "SET", _claim_key(number), self._owner_mark, "NX", "EX", _CLAIM_SECONDS
            ):
                continue
            self._in_use.add(number)
            return number
        why = f"all {self._count - 1} databases beside 0 are in use or hold keys"
        raise isolation_failed(self._endpoint, Isolation.DATABASE, why)

    def leaked(self, isolated: NumberedDatabase) -> list[str]:
        """Return what changed outside of the handed-out databases; nothing of a server that others use too."""
        if not self._ours:
            return []
        # Of a server that is gone, the next test that needs it hears.
        with self._lock, suppress(OSError):
            return self._watch.changes(isolated.before, self._in_use)
        return []

    def give_back(self, isolated: NumberedDatabase, *, retain: bool) -> None:
        """Flush the database, or retain it; the oldest of too many retained ones is flushed."""
        with self._lock:
            number = int(isolated.name)
            if retain:
                self._retained.append(number)
                if len(self._retained) <= MOST_RETAINED:
                    return
                number = self._retained.popleft()
            self._flush(number)

    def _flush(self, *numbers: int) -> None:
        for number in numbers:
            claim = () if self._ours else (("DEL", _claim_key(number)),)
            answers = self._connection.ask_all(("SELECT", number), ("FLUSHDB",), ("SELECT", 0), *claim)
            self._in_use.discard(number)
            for answer in answers:
                if isinstance(answer, ReplyError):
                    raise answer

    def tidy(self) -> None:
        """Remove the keys outside of the databases in use, so that the next run reports its own leaks alone."""
        self.flush_unused()

    def flush_unused(self, also_spared: Collection[int] = ()) -> None:
        """Flush the databases of a server of ours that are neither in use nor retained; no error when it is gone.

        Args:
            also_spared: Further databases to leave alone.
        """
        if not self._ours:
            return
        with self._lock, suppress(OSError):
            strays = [number for number in self._watch.snapshot().keys if number not in {*self._in_use, *also_spared}]
            flushed = [command for number in strays for command in (("SELECT", number), ("FLUSHDB",))]
            self._connection.ask_all(*flushed, ("SELECT", 0))

    def close(self) -> str:
        """Flush what was claimed on an external server, and close the connection; see `contracts.Databases`."""
        with self._lock:
            numbers = sorted(self._in_use)
            what = f"the databases {', '.join(map(str, numbers))}"
            return remove_and_close(self._endpoint, self._connection, what, lambda: self._flush(*numbers))


def remove_and_close(endpoint: Endpoint, connection: RedisConnection, what: str, remove: Callable[[], object]) -> str:
    """Remove what was made on an external server, and close the connection; see `contracts.Databases.close`.

    Args:
        endpoint: Of the server.
        connection: To the server.
        what: What is removed, in words.
        remove: Removes it; it is not called for a server of ours, which ends with all that is on it.
    """
    try:
        if not endpoint.ours:
            remove()
    except (OSError, ReplyError) as error:
        return f"{what}: {error}"
    finally:
        connection.close()
        if endpoint.password_file:
            Path(endpoint.password_file).unlink(missing_ok=True)
    return ""


def _claim_key(number: int) -> str:
    """Return the key that says who has a database."""
    return f"test_framework:claim:{number}"


def endpoint_for(endpoint: Endpoint, number: int, login: str = "", prefix: str = "") -> Endpoint:
    """Return the endpoint of a database; its URL is shown without a login where the password is in a file."""
    shown = url_for_database(_without_login(endpoint.url), number) if endpoint.password_file else ""
    return endpoint.at(url_for_database(endpoint.url, number, login), shown, prefix)


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def url_for_database(url: str, number: int, login: str = "") -> str:
    """Return the URL of a database: in the path, but for a socket, whose path is the socket's.

    Args:
        url: Of the server.
        number: Of the database.
        login: `user:password` to put in the place of what the URL says.
    """
    parts = urlsplit(url)
    old, _, host = parts.netloc.rpartition("@")
    if login or old:
        parts = parts._replace(netloc=f"{login or old}@{host}")
    if parts.scheme != "unix":
        return urlunsplit(parts._replace(path=f"/{number}"))
    dropped = ("db", "username", "password") if login else ("db",)
    others = [(key, value) for key, value in parse_qsl(parts.query) if key not in dropped]
    return f"unix://{parts.netloc}{parts.path}?{urlencode([*others, ('db', number)])}"


def server_gone(endpoint: Endpoint, error: Exception) -> Reason:
    """Return the reason for a server that has ended, or does not answer any more."""
    code = Code.SERVER_HANGS if isinstance(error, TimeoutError) else Code.SERVER_DIED
    return Reason.of(code, service=endpoint.service, provider=endpoint.provider, error=error)


def isolation_failed(endpoint: Endpoint, isolation: Isolation, error: object) -> Refused:
    """Return the refusal of a server that has no resource for a test."""
    (other,) = set(Isolation) - {isolation}
    where = {"service": endpoint.service, "provider": endpoint.provider}
    return Refused(Reason.of(Code.ISOLATION_FAILED, isolation=isolation, other=other, error=error, **where))
