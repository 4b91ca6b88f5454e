"""What a run may have to itself: a server on a port that is free, and nothing of another machine."""

from __future__ import annotations

import errno
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from test_framework.reasons import Code
from test_framework.verdict import Reason, Refused

if TYPE_CHECKING:
    from test_framework.contracts import Own, Provider, Service
    from test_framework.verdict import Endpoint

__all__ = ["refuse_remote", "refuse_taken", "taken"]

_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def refuse_taken(service: Service, way: Provider, own: Own) -> None:
    """Refuse to start a server on a port where another one would answer in its place.

    Raises:
        Refused: `start-failed`.
    """
    if own.port and (why := taken(own.port)):
        error = f"port {own.port} of this machine cannot be had: {why}"
        raise Refused(Reason.of(Code.START_FAILED, service=service.name, provider=way.name, error=error))


def taken(port: int) -> str | None:
    """Return why a port of the loopback network cannot be listened on, or None; `localhost` may mean IPv6 too."""
    for family, host in _LOOPBACK.items():
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
            # As servers do: what only waits for late packets of an earlier one is free.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError as error:
                # A machine without IPv6 has no such address.
                if error.errno != errno.EADDRNOTAVAIL:
                    return error.strerror or str(error)
    return None


def refuse_remote(endpoint: Endpoint) -> None:
    """Refuse what somebody else runs for others: nobody knows whether the run writes.

    Raises:
        Refused: `destructive`.
    """
    if endpoint.provider == "staging" or (endpoint.provider == "explicit" and not endpoint.local):
        where = {"service": endpoint.service, "provider": endpoint.provider, "host": endpoint.host}
        raise Refused(Reason.of(Code.DESTRUCTIVE, **where))
