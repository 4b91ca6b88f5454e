"""Checks an address of staging in steps: name, TCP, TLS, HTTP. Each has its latency and its own reason."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit

from test_framework import net
from test_framework.reasons import Code
from test_framework.verdict import Endpoint, Reason, Refused, is_loopback

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Step", "check"]

T = TypeVar("T")

_ANSWER_SECONDS = 5.0
_PORTS = {
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "rediss": 6379,
}
_TLS = ("https", "wss", "rediss")
_HTTP = ("http", "https", "ws", "wss")
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how long it took in seconds, and why it failed, or None."""

    name: str
    seconds: float
    reason: Reason | None = None


def check(url: str | None, source: str, allowed_hosts: tuple[str, ...], env: Mapping[str, str]) -> tuple[Step, ...]:
    """Walk the steps to an address; the first that fails is the last.

    Args:
        url: The address; None or empty when it is not set.
        source: The variable that holds it, for the remedy.
        allowed_hosts: Hosts outside of this machine that may be reached, as patterns.
        env: Holds `STAGING_CA_BUNDLE`.

    Returns:
        The steps taken: `configuration`, `name`, `tcp`, then `tls` and `http` where the scheme has them.
        An HTTP answer below 500 is an answer: what it means is for the tests of the service.
    """
    walked: list[Step] = []
    try:
        walked.extend(_walk(url, source, allowed_hosts, env))
    except _Stopped as stopped:
        walked.append(stopped.step)
    return tuple(walked)


class _Stopped(Exception):
    def __init__(self, step: Step) -> None:
        super().__init__(step.name)
        self.step = step


def _timed(name: str, work: Callable[[], T]) -> tuple[T, Step]:
    begin = time.monotonic()
    try:
        result = work()
    except Refused as refused:
        raise _Stopped(Step(name, time.monotonic() - begin, refused.reason)) from refused
    return result, Step(name, time.monotonic() - begin)


def _walk(url: str | None, source: str, allowed: tuple[str, ...], env: Mapping[str, str]) -> Iterator[Step]:
    (parts, port), step = _timed("configuration", lambda: _parsed(url, source, allowed))
    yield step
    host = parts.hostname or ""
    where = {"host": host, "port": port, "source": source}
    _, step = _timed("name", lambda: net.resolve(host, port, source))
    yield step
    sock, step = _timed("tcp", lambda: net.connect(host, port, source))
    with sock:
        yield step
        sock.settimeout(_ANSWER_SECONDS)
        if parts.scheme in _TLS:
            sock, step = _timed("tls", lambda: _tls(sock, host, env.get("STAGING_CA_BUNDLE"), where))
            yield step
        if parts.scheme in _HTTP:
            _, step = _timed("http", lambda: _http(sock, parts, where))
            yield step


def _parsed(url: str | None, source: str, allowed: tuple[str, ...]) -> tuple[SplitResult, int]:
    if not url:
        raise Refused(Reason.of(Code.NOT_CONFIGURED, what=source, variables=source))
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise Refused(_unusable(source, str(error))) from error
    if port is None or not parts.hostname:
        raise Refused(_unusable(source, f"it is none of {', '.join(s + '://host' for s in _PORTS)}"))
    host = parts.hostname
    if not is_loopback(host) and not any(fnmatch(host, pattern) for pattern in allowed):
        raise Refused(Reason.of(Code.HOST_NOT_ALLOWED, host=host))
    return parts, port


def _unusable(source: str, error: str) -> Reason:
    where = {"host": "the address", "port": "?", "source": source}
    return Reason.of(Code.WRONG_SERVICE, service="usable", error=error, **where)


def _tls(sock: socket.socket, host: str, bundle: str | None, where: dict[str, object]) -> socket.socket:
    try:
        return ssl.create_default_context(cafile=bundle or None).wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise Refused(Reason.of(Code.TLS_FAILED, error=error.verify_message, **where)) from error
    except TimeoutError as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=_ANSWER_SECONDS, **where)) from error
    except (ssl.SSLError, OSError) as error:
        raise Refused(Reason.of(Code.TLS_FAILED, error=error, **where)) from error


def _http(sock: socket.socket, parts: SplitResult, where: dict[str, object]) -> int:
    """Ask for the address; any answer below 500 counts."""
    # The connection is open already: the library only speaks over it.
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = sock
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except TimeoutError as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=_ANSWER_SECONDS, **where)) from error
    except (HTTPException, OSError) as error:
        what = f"{type(error).__name__} {error}"
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="an HTTP server", error=what, **where)) from error
    if status >= _SERVER_ERROR:
        shown = Endpoint("", "staging", parts.geturl(), None).safe_url
        raise Refused(Reason.of(Code.HTTP_ERROR, url=shown, status=status, source=where["source"]))
    return status
