"""URLs taken apart so that every client finds the same host in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from test_framework import net
from test_framework.config.fields import OF_A_SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WEB = ("http", "https", "ws", "wss")
_TLS = ("https", "wss", "rediss")
_USUAL_PORTS = {"redis": 6379, "rediss": 6379, "http": 80, "ws": 80, "https": 443, "wss": 443}
SERVER_PORTS = {"postgres": 5432, "redis": 6379, "clickhouse": 8123}
"""The ports of the services that everybody has, for a URL that names none; ClickHouse has another one with TLS."""

_TLS_PORTS = SERVER_PORTS | {"clickhouse": 8443}
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+(%[\w.-]+)?")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\#]")


class AmbiguousURL(ValueError):
    """An address that two clients may read as two servers, or that leaves open which server it is."""


@dataclass(frozen=True, slots=True)
class ParsedURL:
    """A URL, taken apart.

    Attributes:
        hosts: Each host that a client may connect to; none for a socket in the file system.
        port: The one that it names; None where it names none.
        at: Returns the URL with this host and port in the place of its own.
        named: Whether the server is chosen, or proves who it is, by the name in the URL, which has to stay then.
    """

    hosts: tuple[str, ...]
    port: int | None
    at: Callable[[str, int | None], str]
    named: bool = False


def parse_url(url: str) -> ParsedURL:
    """Take a URL apart that is not for libpq.

    Raises:
        AmbiguousURL: See there.
    """
    parts = split_unambiguous(url)
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise AmbiguousURL("it names no socket: unix:///PATH")
        return ParsedURL((), None, lambda _host, _port: url)
    web = parts.scheme in _WEB
    if web and not parts.hostname:
        raise AmbiguousURL("it names no host")
    asked = parse_qsl(parts.query)
    more = [value for key, value in asked if key in ("host", "hostaddr") and not value.startswith("/")]
    host = parts.hostname or ("localhost" if parts.scheme in ("redis", "rediss") else "")
    hosts = tuple(each for each in (host, *more) if each)
    for each in hosts:
        check_host(each)
    if not web and "@" in f"{parts.path}{parts.query}":
        raise AmbiguousURL("an @ after the host has to be written as %40")
    return ParsedURL(
        hosts,
        parts.port or _USUAL_PORTS.get(parts.scheme),
        _with_host(url, parts),
        named=web or parts.scheme in _TLS or len(hosts) > 1,
    )


def _with_host(url: str, parts: SplitResult) -> Callable[[str, int | None], str]:
    login, at, _ = parts.netloc.rpartition("@")

    def moved(host: str, port: int | None) -> str:
        if not host or (host == parts.hostname and parts.port):
            return url
        place = f"[{host}]" if ":" in host else host
        return urlunsplit(parts._replace(netloc=f"{login}{at}{place}{f':{port}' if port else ''}"))

    return moved


def split_unambiguous(url: str) -> SplitResult:
    """Split a URL whose host is where every client looks for it.

    Raises:
        AmbiguousURL: It is not: characters that parsers drop, or take for the end of the host, or more than one login.
    """
    if found := _FORBIDDEN.search(url):
        raise AmbiguousURL(f"a {found[0]!r} has to be written as %{ord(found[0]):02X}")
    try:
        parts = urlsplit(url)
        refuse_several_hosts(parts.netloc.rpartition("@")[2])
        _ = parts.port
    except AmbiguousURL:
        raise
    except ValueError:
        # Python's words show what it takes for the port, which may be a piece of the password.
        raise AmbiguousURL(
            "it cannot be taken apart: a port is a number, and / ? [ ] in a password are written as %2F %3F %5B %5D"
        ) from None
    if parts.netloc.count("@") > 1:
        raise AmbiguousURL("an @ in the user or the password has to be written as %40")
    return parts


def check_host(host: str) -> None:
    """Refuse what is neither a name nor an address.

    Raises:
        AmbiguousURL: See there.
    """
    refuse_several_hosts(host)
    if not _HOST.fullmatch(host):
        raise AmbiguousURL("its host is neither a name nor an address")


def refuse_several_hosts(hosts: str) -> None:
    """Refuse a list of hosts: which of them a client takes is known only afterwards.

    Raises:
        AmbiguousURL: It is one.
    """
    if "," in hosts:
        raise AmbiguousURL("it names several hosts, and a test needs to know its server: name one")


def fields_of(service: str, url: str, ports: Mapping[str, int] = SERVER_PORTS) -> dict[str, str]:
    """Return what a URL says of a server, by the names of `OF_A_SERVICE`; what it does not say is empty.

    Args:
        service: Whose URL it is.
        url: With its password.
        ports: Those of URLs that name none, by service.
    """
    parts = urlsplit(url)
    usual = _TLS_PORTS if parts.scheme == "https" else SERVER_PORTS
    port = parts.port or usual.get(service) or net.port_of(parts, ports.get(service, 80))
    found = (
        url,
        parts.hostname or "",
        str(port),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.lstrip("/")),
    )
    return dict(zip(OF_A_SERVICE, found, strict=True))


def parse_query(query: str) -> Mapping[str, str]:
    """Return the parameters of a query as libpq reads them: a plus is a plus, and the last of two counts."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {unquote(key): unquote(value) for key, _, value in pairs}
