"""Where an address leads, and whether it may be used: the one rule for servers on other machines.

A URL is taken apart once, each host in it is looked up once, and what is handed on names the address that was checked
and everything that a client would otherwise look for elsewhere. What cannot be told for certain is refused.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from test_framework import net
from test_framework.reach import libpq, urls
from test_framework.reach.urls import AmbiguousURL, ParsedURL
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.resolution import Endpoint

    Resolve: TypeAlias = Callable[[str, int, str], list[tuple[Any, ...]]]

__all__ = [
    "AmbiguousURL",
    "ParsedURL",
    "Reached",
    "allows",
    "check_allowed",
    "parse_url",
    "reach",
    "refuse_remote",
    "why_not_write",
]

_ACCEPT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an address leads: the URL to use in its place, and the host outside of this machine, if there is one."""

    url: str
    remote: str = ""


def why_not_write(endpoint: Endpoint) -> Reason | None:
    """Return why nothing that writes may have this server; None where it may."""
    if endpoint.provider != "staging" and not endpoint.remote:
        return None
    where = {"service": endpoint.service, "provider": endpoint.provider, "host": endpoint.host}
    return Reason.of(Code.DESTRUCTIVE, **where)


def refuse_remote(endpoint: Endpoint) -> None:
    """Refuse a server of another machine to what may write.

    Raises:
        Refused: `destructive`; see `why_not_write`.
    """
    if reason := why_not_write(endpoint):
        raise Refused(reason)


def allows(patterns: Iterable[str], host: str) -> bool:
    """Whether `allowed_hosts` names a host: each pattern is for the whole name, and case does not count, as in DNS."""
    name = _folded(host)
    return any(fnmatchcase(name, _folded(pattern)) for pattern in patterns)


def _folded(name: str) -> str:
    return name.lower().rstrip(".")


def parse_url(url: str, env: Mapping[str, str]) -> ParsedURL:
    """Take a URL apart, by the rules of its scheme.

    Args:
        url: The address.
        env: The environment of the client that asks; see `libpq.parse_url`.

    Raises:
        AmbiguousURL: It leaves open which server it is.
    """
    return libpq.parse_url(url, env) if libpq.is_postgres_url(url) else urls.parse_url(url)


def reach(address: ParsedURL, source: str, allowed: Iterable[str], resolve: Resolve = net.resolve) -> Reached:
    """Look up where an address leads, refuse what is neither on this machine nor allowed, and hold on to the answer.

    Args:
        address: The URL, taken apart.
        source: The variable or key that holds it.
        allowed: See `allows`.
        resolve: See `net.resolve`.

    Raises:
        Refused: `host-not-allowed`, or `name-unresolved` for a name of this machine, or one that is allowed.
    """
    if not address.hosts:
        return Reached(address.at("", address.port))
    allowed = tuple(allowed)
    found = {host: _check_and_resolve(host, address, source, allowed, resolve) for host in address.hosts}
    if remote := next((host for host, local in found.items() if not local), ""):
        return Reached(address.at("", address.port), remote)
    if address.named:
        return Reached(address.at("", address.port))
    return Reached(address.at(_first_listening(found[address.hosts[-1]], address.port), address.port))


def _check_and_resolve(  # noqa: PLR0913  # the whole rule in one place
    host: str,
    address: ParsedURL,
    source: str,
    allowed: Iterable[str],
    resolve: Resolve,
    *,
    look_up_allowed: bool = True,
) -> tuple[str, ...]:
    """Return the addresses of a host on this machine; nothing for one elsewhere that is allowed.

    Raises:
        Refused: See `reach`.
    """
    allowing, ours = allows(allowed, host), is_loopback(_folded(host)) or _is_ip(host)
    if allowing and not look_up_allowed:
        return ()
    # Nothing is sent to a host that is not allowed, not even a question for its address.
    found: tuple[str, ...] = ()
    if _is_ip(host):
        found = (host,)
    elif allowing or ours:
        found = tuple(dict.fromkeys(str(told[4][0]) for told in resolve(host, address.port or 0, source)))
    # A name that stays in the URL is looked up once more by each client, and then another answer may come.
    if found and all(map(_is_here, found)) and (ours or not address.named):
        return found
    if not allowing:
        where = next((at for at in found if at != host and not _is_here(at)), "")
        told = f"{host} ({where})" if where else host
        raise Refused(Reason.of(Code.HOST_NOT_ALLOWED, host=host, told=told, source=source))
    return ()


def check_allowed(address: ParsedURL, source: str, allowed: Iterable[str], resolve: Resolve = net.resolve) -> None:
    """Refuse an address that leads where nobody has allowed it; a host that is allowed is not looked up.

    Raises:
        Refused: See `reach`.
    """
    allowed = tuple(allowed)
    for host in address.hosts:
        _check_and_resolve(host, address, source, allowed, resolve, look_up_allowed=False)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(address: str) -> bool:
    """Whether an address is of the loopback network."""
    at = ipaddress.ip_address(address.partition("%")[0])
    mapped = at.ipv4_mapped if isinstance(at, ipaddress.IPv6Address) else None
    return (mapped or at).is_loopback


def _first_listening(addresses: tuple[str, ...], port: int | None) -> str:
    """Return the first that a server listens at, such as ::1 or 127.0.0.1 for localhost; the first when none is."""
    for address in addresses if port and len(addresses) > 1 else ():
        try:
            socket.create_connection((address, port), _ACCEPT_SECONDS).close()
        except OSError:
            continue
        return address
    return addresses[0]
