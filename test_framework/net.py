"""Name resolution and TCP with a bound on both, and their failures told apart."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

from test_framework.reasons import Code
from test_framework.verdict import Reason, Refused

__all__ = ["CONNECT_SECONDS", "connect", "resolve"]

CONNECT_SECONDS = 1.0
"""Bound on finding out that nothing is there, in seconds."""

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
    why = _text(failed[0]) if failed else f"no answer within {seconds:g} s"
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


def _text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
