"""Checks an address of staging in steps: name, TCP, TLS, HTTP or WebSocket. Each has its latency and its reason."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit

from test_framework import net
from test_framework.reach import check_allowed, parse_url
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping
    from http.client import HTTPResponse

    from websockets.client import ClientProtocol

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
_HTTP = ("http", "https")
_WEBSOCKET = ("ws", "wss")
_SERVER_ERROR = 500
_WANT_LOGIN = (401, 403)


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step: how long it took in seconds, and why it failed, or None."""

    name: str
    seconds: float
    reason: Reason | None = None


def check(
    url: str | None, source: str, allowed_hosts: tuple[str, ...], env: Mapping[str, str]
) -> tuple[CheckStep, ...]:
    """Walk the steps to an address; the first that fails is the last.

    Args:
        url: The address; None or empty when it is not set.
        source: The variable that holds it, for the remedy.
        allowed_hosts: Hosts outside of this machine that may be reached, as patterns.
        env: Holds `STAGING_CA_BUNDLE`.

    Returns:
        The steps taken: `configuration`, `name`, `tcp`, then `tls`, `http` and `websocket` where the scheme has them.
        An HTTP answer below 500 is an answer: what it means is for the tests of the service. A WebSocket switches
        protocols, or asks for a login; that step is `sdk-missing` where the extra `e2e` is not installed.
    """
    walked: list[CheckStep] = []
    try:
        walked.extend(_walk(url, source, allowed_hosts, env))
    except _Stopped as stopped:
        walked.append(stopped.step)
    return tuple(walked)


class _Stopped(Exception):
    def __init__(self, step: CheckStep) -> None:
        super().__init__(step.name)
        self.step = step


def _timed(name: str, work: Callable[[], T]) -> tuple[T, CheckStep]:
    begin = time.monotonic()
    try:
        result = work()
    except Refused as refused:
        raise _Stopped(CheckStep(name, time.monotonic() - begin, refused.reason)) from refused
    return result, CheckStep(name, time.monotonic() - begin)


def _walk(url: str | None, source: str, allowed: tuple[str, ...], env: Mapping[str, str]) -> Iterator[CheckStep]:
    (parts, port), step = _timed("configuration", lambda: _parsed(url, source, allowed, env))
    yield step
    host = parts.hostname or ""
    _, step = _timed("name", lambda: net.resolve(host, port, source))
    yield step
    sock, step = _timed("tcp", lambda: net.connect(host, port, source))
    with ExitStack() as stack:
        stack.enter_context(sock)
        yield step
        sock.settimeout(_ANSWER_SECONDS)
        if parts.scheme in _TLS:
            sock, step = _timed("tls", lambda: net.secure(sock, host, port, source, env.get("STAGING_CA_BUNDLE")))
            stack.enter_context(sock)
            yield step
        if parts.scheme in _HTTP:
            _, step = _timed("http", lambda: _http(sock, parts, source, {}))
            yield step
        if parts.scheme in _WEBSOCKET:
            # The import of the library is no latency of the server.
            client, _ = _timed("websocket", lambda: _client_side(parts, source))
            _, step = _timed("websocket", lambda: _handshake(sock, client, parts, source, port))
            yield step


def _parsed(url: str | None, source: str, allowed: tuple[str, ...], env: Mapping[str, str]) -> tuple[SplitResult, int]:
    if not url:
        raise Refused(Reason.of(Code.NOT_CONFIGURED, what=source, variables=source))
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        address = parse_url(url, env)
    except ValueError as error:
        raise Refused(_unusable(source, str(error))) from error
    if port is None or not parts.hostname:
        raise Refused(_unusable(source, f"it is none of {', '.join(s + '://host' for s in _PORTS)}"))
    check_allowed(address, source, allowed)
    return parts, port


def _unusable(source: str, error: str) -> Reason:
    where = {"host": "the address", "port": "?", "source": source}
    return Reason.of(Code.WRONG_SERVICE, service="usable", error=error, **where)


def _http(sock: socket.socket, parts: SplitResult, source: str, headers: Mapping[str, str]) -> HTTPResponse:
    """Ask for the address; any answer below 500 counts. Its body is left unread."""
    response = net.request(sock, parts.geturl(), source, net.HTTPRequest(headers=headers))
    response.close()
    if response.status >= _SERVER_ERROR:
        shown = Endpoint("", "staging", parts.geturl(), None).safe_url
        raise Refused(Reason.of(Code.HTTP_ERROR, url=shown, status=response.status, source=source))
    return response


def _client_side(parts: SplitResult, source: str) -> ClientProtocol:
    """Return the client's side of a WebSocket, without input and output."""
    try:
        from websockets.client import ClientProtocol
        from websockets.exceptions import InvalidURI
        from websockets.uri import parse_uri
    except ImportError as error:
        raise Refused(Reason.of(Code.SDK_MISSING, package="'pytest-tiers[e2e]'", error=error)) from error
    try:
        return ClientProtocol(parse_uri(parts.geturl()))
    except InvalidURI as error:
        # Its text has the address, with a login that is in it.
        raise Refused(_unusable(source, error.msg)) from error


def _handshake(sock: socket.socket, client: ClientProtocol, parts: SplitResult, source: str, port: int) -> None:
    """Ask to switch to the WebSocket protocol; whoever wants a login first is one too.

    The library makes the question and judges the answer, and does not read it: it would refuse HTTP/1.0 and wait for a
    body, where the status says enough.
    """
    from websockets.datastructures import Headers
    from websockets.exceptions import InvalidHandshake
    from websockets.http11 import Response

    response = _http(sock, parts, source, dict(client.connect().headers.raw_items()))
    if response.status in _WANT_LOGIN:
        return
    try:
        client.process_response(Response(response.status, response.reason, Headers(response.getheaders())))
    except InvalidHandshake as error:
        what = f"it answers {response.status} at {parts.path or '/'}: {error}"
        where = {"host": parts.hostname, "port": port, "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service="a WebSocket", error=what, **where)) from error
