"""What libpq reads beside the URL that it is given, and how a URL says all of it."""

from __future__ import annotations

import os
import pwd
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from test_framework.reach.urls import (
    AmbiguousURL,
    ParsedURL,
    check_host,
    parse_query,
    refuse_several_hosts,
    split_unambiguous,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

_SCHEMES = ("postgresql", "postgres")

REDIRECTING_VARIABLES = (
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSYSCONFDIR",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
)
"""By these a client goes to another server than the one that it was given, also where that is a URL with a host."""

SECURITY_VARIABLES = re.compile(r"PG(SSL|GSS|KRB|REALM|REQUIRE|CHANNELBINDING|MINPROTOCOL|MAXPROTOCOL)")
"""By these it would ask our server for what it does not have."""

_SECURITY_PARAMETERS = {
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGCHANNELBINDING": "channel_binding",
    "PGREQUIREAUTH": "require_auth",
    "PGGSSENCMODE": "gssencmode",
}
"""What somebody demands of a server on another machine, and the parameter that says it in a URL."""

_SOCKETS = "/var/run/postgresql"
"""Where libpq of Debian, of the PostgreSQL project's packages and of psycopg's wheels looks for a server."""
_PORT = "5432"

DIRECT = {"sslmode": "disable", "gssencmode": "disable"}
"""How to ask a server of ours: each would be a question to it before the first one that counts."""


def is_postgres_url(url: str) -> bool:
    """Whether a URL is one of Postgres, that of an SQLAlchemy driver such as `postgresql+psycopg` too."""
    return url.partition(":")[0].partition("+")[0].lower() in _SCHEMES


def affects_libpq(name: str) -> bool:
    """Whether a variable changes where or how libpq connects, although a URL names server, user and database."""
    return name in REDIRECTING_VARIABLES or name == "PGOPTIONS" or bool(SECURITY_VARIABLES.match(name))


@contextmanager
def ignore_libpq_variables() -> Iterator[None]:
    """Take from the environment, for the block, all by which libpq would not do what a URL of ours says.

    libpq knows no other way: a URL cannot say that there is no service. What somebody sets meanwhile stays.
    """
    before = {name: os.environ.pop(name) for name in list(os.environ) if affects_libpq(name)}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.setdefault(name, value)


def parse_url(url: str, env: Mapping[str, str]) -> ParsedURL:
    """Take a URL of Postgres apart, as libpq does, and complete it without what libpq would look for elsewhere.

    The variables of libpq count only where they cannot lead elsewhere: a password for a URL that has none, and what
    they demand of the connection to a server on another machine.

    Args:
        url: The address.
        env: The environment of the client that asks.

    Raises:
        AmbiguousURL: It names several hosts, or a service, or libpq reads it otherwise than everybody else.
    """
    parts = split_unambiguous(url)
    if "@" in f"{parts.path}{parts.query}":
        raise AmbiguousURL("an @ after the host has to be written as %40")
    query = dict(parse_query(parts.query))
    for key in ("service", "servicefile"):
        if key in query:
            raise AmbiguousURL(f"{key} in its query leaves to a file which server it is: name the host")
    server = _Server.of(parts, query, env)
    # libpq goes to a `hostaddr`, whatever the host is, and to a path in the file system without any network.
    hosts = tuple(filter(None, ("" if _is_path(server.host) else server.host, server.address)))
    for each in hosts or (server.host,):
        (refuse_several_hosts if _is_path(each) else check_host)(each)
    named = query.get("sslmode") in ("verify-ca", "verify-full")
    return ParsedURL(hosts, server.port, lambda host, _port: server.url(host), named)


@dataclass(frozen=True, slots=True)
class _Server:
    """What a URL says, whether before its question mark or after it, and what is put in where it says nothing."""

    scheme: str
    host: str
    address: str
    port: int
    user: str
    password: str
    database: str
    query: Mapping[str, str]
    security: Mapping[str, str]

    @classmethod
    def of(cls, parts: SplitResult, query: dict[str, str], env: Mapping[str, str]) -> _Server:
        """Read the parts of a URL, and take out of its query what belongs before it."""
        login, _, place = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        host, port = _place(place)
        user = query.pop("user", "") or unquote(user) or _user()
        password = query.pop("password", "") or unquote(password) or env.get("PGPASSWORD", "")
        if not password and (file := env.get("PGPASSFILE")):
            query.setdefault("passfile", file)
        return cls(
            parts.scheme,
            query.pop("host", "") or host or _SOCKETS,
            query.pop("hostaddr", ""),
            _number(query.pop("port", "") or port or _PORT),
            user,
            password,
            query.pop("dbname", "") or unquote(parts.path.removeprefix("/")) or user,
            query,
            {key: env[name] for name, key in _SECURITY_PARAMETERS.items() if env.get(name)},
        )

    def url(self, at: str) -> str:
        """Return a URL that leaves nothing open, of the server at this address; of another machine's where it is empty.

        It is written as all drivers read it, not only libpq: a database in the path, a host before it.
        """
        query = dict(self.query)
        if not at:
            at = self.host
            if not _is_path(at):
                query = {**self.security, **query}
            if self.address:
                query["hostaddr"] = self.address
        if _is_path(at):
            query |= {"host": at, "port": str(self.port)}
            place = ""
        else:
            place = f"[{at}]:{self.port}" if ":" in at else f"{at}:{self.port}"
        login = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        told = "&".join(f"{quote(key, safe='')}={quote(value, safe='/')}" for key, value in query.items())
        return f"{self.scheme}://{login}@{place}/{quote(self.database, safe='')}{f'?{told}' if told else ''}"


def _is_path(host: str) -> bool:
    """Whether it is a folder of sockets, or a name in the abstract namespace."""
    return host.startswith(("/", "@"))


def _number(port: str) -> int:
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise AmbiguousURL("its port is no number of a port")
    return int(port)


def _place(netloc: str) -> tuple[str, str]:
    """Return host and port as they stand in a URL; a path may stand there, encoded."""
    if netloc.startswith("["):
        host, _, rest = netloc[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = netloc.partition(":")
    return unquote(host), port


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise AmbiguousURL("it names no user, and the user who runs this has no name") from None
