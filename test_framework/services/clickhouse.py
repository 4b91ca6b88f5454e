"""ClickHouse over HTTP: a database of its own for each test."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from test_framework import inputs, net, owner
from test_framework.contracts import Binary, Command, ContainerSpec, IsolatedResource, Launch, RunAs
from test_framework.private import write_private
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.services._binaries import choose, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings
    from test_framework.contracts import Context
_PROGRAMS = ("clickhouse", "clickhouse-server")
_USER = "default"
_DATABASE = "default"
_PORTS = {"http": 8123, "https": 8443}
_PREFIX = "tf_"
_MOST_RETAINED = 20
_ANSWER_SECONDS = 10.0
_LONGEST_COMPLAINT = 300
_OK = 200
_SERVER_ERROR = 500
_REFUSING = (401, 403)
_LOGIN_CODES = ("192", "193", "194", "516")
"""UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, and since version 20 for all of them AUTHENTICATION_FAILED."""

_CONFIG = """\
<clickhouse>
    <logger><console>1</console><level>warning</level></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{port}</http_port>
    <path>{folder}/data/</path>
    <tmp_path>{folder}/tmp/</tmp_path>
    <user_files_path>{folder}/user_files/</user_files_path>
    <format_schema_path>{folder}/format_schemas/</format_schema_path>
    <mark_cache_size>134217728</mark_cache_size>
    <database_atomic_delay_before_drop_table_sec>0</database_atomic_delay_before_drop_table_sec>
    <users_config>{file}</users_config>
    <default_profile>default</default_profile>
    <default_database>{database}</default_database>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users><{user}>
        <password_sha256_hex>{digest}</password_sha256_hex>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
    </{user}></users>
</clickhouse>
"""


class ClickHouse:
    """See `contracts.Service`."""

    name = "clickhouse"
    default_image = "clickhouse/clickhouse-server:25.8-alpine"
    schemes = ("http", "https")
    staging_variable = "STAGING_CLICKHOUSE_URL"
    runs_as_root = True
    needs = ()
    supports_isolation = True
    modules = ()

    def container(self, launch: Launch) -> ContainerSpec:
        """Return the contract of the official image, with the data in memory."""
        return ContainerSpec(
            port=_PORTS["http"],
            url=f"http://{_USER}:{launch.password}@{{host}}:{{port}}/{_DATABASE}",
            # Not CLICKHOUSE_DB: for it the image starts the server twice, and this database is there anyway.
            env={"CLICKHOUSE_USER": _USER, "CLICKHOUSE_PASSWORD": launch.password},
            tmpfs=("/var/lib/clickhouse",),
        )

    def find_binary(self, wanted: str, env: Mapping[str, str], settings: Settings | None = None) -> Binary:
        """Return `clickhouse`, or `clickhouse-server`, from the PATH."""
        programs = [Path(path) for name in _PROGRAMS if (path := shutil.which(name, path=env.get("PATH")))]
        if binary := choose(((path, "PATH") for path in programs), wanted):
            return binary
        # Debian's server does not know --version; the client, which is made of the same sources, does.
        client = shutil.which("clickhouse-client", path=env.get("PATH"))
        version = version_of(Path(client)) if client else None
        if not programs or version is None:
            fields = {"binary": "clickhouse or clickhouse-server", "looked": "that runs is on the PATH"}
            install = "ClickHouse itself, which no Python package carries; or use Docker"
            raise Refused(Reason.of(Code.BINARY_MISSING, install=install, **fields))
        return Binary(programs[0], version, "PATH")

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Write the configuration, which only its owner can read and which holds only the password's digest."""
        file = folder / "config.xml"
        paths = {"folder": escape(str(folder)), "file": escape(str(file))}
        values = {"port": port, "user": _USER, "database": _DATABASE, **paths}
        digest = hashlib.sha256(launch.password.encode()).hexdigest()
        write_private(file, _CONFIG.format(digest=digest, **values))
        # The one program is all of ClickHouse: its first argument says what to be.
        role = () if binary.path.name == "clickhouse-server" else ("server",)
        return Command(
            argv=(str(binary.path), *role, f"--config-file={file}"),
            url=f"http://{_USER}:{launch.password}@127.0.0.1:{port}/{_DATABASE}",
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask for the version; `STAGING_CA_BUNDLE` of `env` names the authority of an `https` URL."""
        answer = _ask(url, "SELECT version()", source, seconds, env).strip()
        if not re.fullmatch(r"\d+(\.\d+)+", answer):
            raise Refused(_wrong_service(url, source, f"it answers SELECT version() with {answer[:60]!r}"))
        return answer

    def check_extensions(self, endpoint: Endpoint, context: Context) -> None:
        """Do nothing: none are known."""

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> ClickHouseDatabases:
        """Return what makes a database for each test."""
        return ClickHouseDatabases(endpoint, settings.root)


class ClickHouseDatabases:
    """See `contracts.Databases`. The names carry the process that made them, by which the next one drops what it left.

    A template is files of one statement each, which is what ClickHouse takes over HTTP.
    """

    def __init__(self, endpoint: Endpoint, root: Path) -> None:
        self._endpoint = endpoint
        self._root = root
        self._lock = threading.Lock()
        self._number = count(1)
        self._name_prefix = owner.prefix_of(_PREFIX)
        self._made: list[str] = []
        self._retained: list[str] = []
        self._env: Mapping[str, str] = os.environ
        if not endpoint.ours:
            for name in self._ask("SHOW DATABASES").split():
                if owner.abandoned(name, _PREFIX):
                    self._drop(name)

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Nothing is made ahead: most tests use none."""

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> IsolatedResource:
        """Create a database and run the statements of the template in it."""
        with self._lock:
            self._env = env
            name = f"{self._name_prefix}{next(self._number)}"
            self._ask(f"CREATE DATABASE {name}")
            self._made.append(name)
        url = urlunsplit(urlsplit(self._endpoint.url)._replace(path=f"/{name}"))
        for entry in template:
            self._run_template(url, entry)
        return IsolatedResource(name, self._endpoint.at(url))

    def _run_template(self, url: str, entry: str) -> None:
        try:
            _ask(url, inputs.read_text(self._root / entry), self._endpoint.provider, _ANSWER_SECONDS, self._env)
        except OSError as error:
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=error)) from error
        except Refused as refused:
            if not refused.log:
                raise
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=refused.log)) from refused

    def leaked(self, isolated: IsolatedResource) -> list[str]:
        """Return nothing: only databases are looked at."""
        return []

    def give_back(self, isolated: IsolatedResource, *, retain: bool) -> None:
        """Drop the database, or retain it; the oldest of too many retained ones is dropped."""
        with self._lock:
            if retain:
                self._retained.append(isolated.name)
            to_drop = self._retained[:-_MOST_RETAINED] if retain else [isolated.name]
            for name in to_drop:
                self._drop(name)
            self._retained = [name for name in self._retained if name not in to_drop]

    def tidy(self) -> None:
        """Do nothing: only databases are looked at."""

    def close(self) -> str:
        """Drop what was made; see `contracts.Databases`."""
        with self._lock:
            try:
                for name in tuple(self._made):
                    self._drop(name)
            except Refused as refused:
                return f"the databases {', '.join(self._made)}: {refused.reason}"
        return ""

    def _drop(self, name: str) -> None:
        self._ask(f"DROP DATABASE IF EXISTS {name}")
        if name in self._made:
            self._made.remove(name)

    def _ask(self, statement: str) -> str:
        return _ask(self._endpoint.url, statement, self._endpoint.provider, _ANSWER_SECONDS, self._env)


def _ask(url: str, statement: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
    """Send a statement over a connection of its own, user and password in headers; return the answer.

    Raises:
        Refused: Each way it can fail, told apart; `log` has ClickHouse's own words on a statement.
    """
    parts = urlsplit(url)
    host, port = _address_of(url)
    headers = {
        "X-ClickHouse-User": unquote(parts.username or _USER),
        "X-ClickHouse-Key": unquote(parts.password or ""),
    }
    database = parts.path.strip("/")
    query = f"?database={quote(unquote(database), safe='')}" if database else ""
    question = net.HTTPRequest(ClickHouse.name, "POST", headers, statement.encode())
    status, body = net.fetch(
        f"{parts.scheme}://{host}:{port}/{query}", source, seconds, question, bundle=env.get("STAGING_CA_BUNDLE")
    )
    text = body.decode(errors="replace")
    if status != _OK:
        raise _error_for(url, source, status, text[:_LONGEST_COMPLAINT])
    return text


def _error_for(url: str, source: str, status: int, text: str) -> Refused:
    """Return what an answer that is no success means; ClickHouse's own begin with a code."""
    host, port = _address_of(url)
    where = {"host": host, "port": port, "source": source}
    code = re.match(r"Code: (\d+)", text)
    if code[1] in _LOGIN_CODES if code else status in _REFUSING:
        error = f"HTTP {status}" + (f", code {code[1]}" if code else "")
        return Refused(Reason.of(Code.LOGIN_FAILED, error=error, **where))
    if code:
        service = "a clickhouse that can do what it is asked"
        return Refused(Reason.of(Code.WRONG_SERVICE, service=service, error=text, **where), log=text)
    if status >= _SERVER_ERROR:
        shown = Endpoint("", "", url, None).safe_url
        return Refused(Reason.of(Code.HTTP_ERROR, url=shown, status=status, source=source))
    return Refused(_wrong_service(url, source, f"it answers HTTP {status}"))


def _wrong_service(url: str, source: str, error: str) -> Reason:
    host, port = _address_of(url)
    return Reason.of(Code.WRONG_SERVICE, service="clickhouse", host=host, port=port, error=error, source=source)


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]


SERVICE = ClickHouse()
