"""Name resolution, TCP, TLS and HTTP, each with a bound, and each failure mapped to a reason."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from test_framework import inputs
from test_framework.deadline import Deadline, DeadlineSocket
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

CONNECT_SECONDS = 1.0
"""Bound on finding out that nothing is there, in seconds."""

_MOST_BYTES = 1 << 20
_REFUSALS = (errno.ECONNREFUSED, errno.ECONNRESET)


def resolve(host: str, port: int, source: str, seconds: float = CONNECT_SECONDS) -> list[tuple[Any, ...]]:
    """Return the addresses of a host, as `socket.getaddrinfo` gives them.

    `getaddrinfo` knows no time limit, so it runs in a thread that is left behind when it takes too long.

    Raises:
        Refused: `name-unresolved`.
    """
    found: list[tuple[Any, ...]] = []
    failed: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=ask, daemon=True, name=f"resolve {host}")
    thread.start()
    thread.join(seconds)
    if found:
        return found
    why = _error_text(failed[0]) if failed else f"no answer within {seconds:g} s"
    raise Refused(Reason.of(Code.NAME_UNRESOLVED, host=host, error=why, source=source))


def connect(host: str, port: int, source: str, seconds: float = CONNECT_SECONDS) -> socket.socket:
    """Open a TCP connection within `seconds`, name resolution included.

    Args:
        host: Name or address.
        port: TCP port.
        source: Where the address came from, for the remedy.
        seconds: Bound on all of it.

    Raises:
        Refused: `name-unresolved`, `connection-refused` or `connect-timeout`.
    """
    deadline = time.monotonic() + seconds
    refused = False
    for family, kind, protocol, _, address in resolve(host, port, source, seconds):
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError:  # such as IPv6 where the system has none
            continue
        sock.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            refused = refused or error.errno in _REFUSALS
        else:
            return sock
    if refused:
        raise Refused(Reason.of(Code.CONNECTION_REFUSED, host=host, port=port, source=source))
    raise Refused(Reason.of(Code.CONNECT_TIMEOUT, host=host, port=port, seconds=seconds, source=source))


def secure(sock: socket.socket, host: str, port: int, source: str, bundle: str | None = None) -> ssl.SSLSocket:
    """Begin TLS on an open connection, bounded by the socket's own timeout.

    Args:
        sock: The connection; it belongs to what is returned.
        host: The name that the certificate must be for.
        port: TCP port, for the reason.
        source: Where the address came from, for the remedy.
        bundle: File of the authorities to trust; the system's when None or empty.

    Raises:
        Refused: `tls-failed` or `connect-timeout`.
    """
    where = {"host": host, "port": port, "source": source}
    try:
        if bundle:
            inputs.refuse_special(bundle)
        trusting = ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        why = f"STAGING_CA_BUNDLE={bundle}: {error.strerror or error}"
        raise Refused(Reason.of(Code.TLS_FAILED, error=why, **where)) from error
    try:
        return trusting.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise Refused(Reason.of(Code.TLS_FAILED, error=error.verify_message.rstrip("."), **where)) from error
    except TimeoutError as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=sock.gettimeout() or 0, **where)) from error
    except (ssl.SSLError, OSError) as error:
        raise Refused(Reason.of(Code.TLS_FAILED, error=error, **where)) from error


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """A request over HTTP; `service` names what should answer, for the reason when something else does."""

    service: str = "an HTTP server"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


_GET_REQUEST = HTTPRequest()


def request(sock: socket.socket, url: str, source: str, http_request: HTTPRequest = _GET_REQUEST) -> HTTPResponse:
    """Ask over an open connection; return the answer, whatever its status, with its body unread.

    The socket's timeout bounds all of it, with the body, and not each packet.

    Raises:
        Refused: `wrong-service` for what is not HTTP, `connect-timeout` for no answer within the socket's timeout.
    """
    # It takes longer to import than all the rest, and most who come here ask nothing over HTTP.
    from http.client import HTTPConnection

    parts = urlsplit(url)
    # The connection is open already: the library only speaks over it.
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = DeadlineSocket(sock, Deadline(sock.gettimeout() or CONNECT_SECONDS))
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    with _map_errors(sock.gettimeout(), parts, source, http_request.service):
        connection.request(http_request.method, target, http_request.body, dict(http_request.headers))
        return connection.getresponse()


def fetch(
    url: str, source: str, seconds: float, http_request: HTTPRequest = _GET_REQUEST, *, bundle: str | None = None
) -> tuple[int, bytes]:
    """Connect, begin TLS where the URL says `https`, and ask; return status and body.

    `seconds` bounds each step, the whole answer being one, and a body is read up to a megabyte: see `connect`,
    `secure` and `request` for the other arguments and for what is raised.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", port_of(parts)
    with ExitStack() as stack:
        sock = stack.enter_context(connect(host, port, source, min(CONNECT_SECONDS, seconds)))
        sock.settimeout(seconds)
        if parts.scheme == "https":
            sock = stack.enter_context(secure(sock, host, port, source, bundle))
        answer = request(sock, url, source, http_request)
        with _map_errors(seconds, parts, source, http_request.service):
            return answer.status, answer.read(_MOST_BYTES)


@contextmanager
def _map_errors(seconds: float | None, parts: SplitResult, source: str, service: str) -> Iterator[None]:
    from http.client import HTTPException

    where = {"host": parts.hostname, "port": port_of(parts), "source": source}
    try:
        yield
    except TimeoutError as error:
        raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=seconds or 0, **where)) from error
    except (HTTPException, OSError) as error:
        what = f"{type(error).__name__} {error}"
        raise Refused(Reason.of(Code.WRONG_SERVICE, service=service, error=what, **where)) from error


_WEB_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def port_of(parts: SplitResult, other: int = 80) -> int:
    """Return the port of a URL that may name none: that of HTTP or WebSocket is usual, any other scheme has `other`."""
    return parts.port or _WEB_PORTS.get(parts.scheme, other)


def _error_text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
