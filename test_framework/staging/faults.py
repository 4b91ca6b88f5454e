"""What can be broken about a stand-in, one thing at a time, and the reason that the tier must give for it."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from test_framework.reasons import Code
from test_framework.staging.front import Front, relay, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from test_framework.staging.front import Talk

_LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is broken; the defaults are what is whole.

    Attributes:
        code: The reason that a run of the tier must give; None where nothing is broken.
        meaning: For people.
        host: The name in the addresses of the backend.
        port: Whether its port is open, closed, or never answers.
        names: What its certificate is for.
        expired: Whether that certificate has expired.
        behind: What stands behind the port.
        delay: By how many seconds each message of the WebSocket is late.
        wrong_password: Whether the password that is told is another one than the account's.
        cut_database: Whether the backend loses its database after it has started.
        drifted: Whether the backend has other settings than are expected.
    """

    code: Code | None
    meaning: str
    host: str = "localhost"
    port: Literal["open", "closed", "silent"] = "open"
    names: tuple[str, ...] = _LOCAL
    expired: bool = False
    behind: Literal["backend", "redis", "nothing"] = "backend"
    delay: float = 0.0
    wrong_password: bool = False
    cut_database: bool = False
    drifted: bool = False

    @contextmanager
    def door(self, backend: str, redis: str, authority: trustme.CA) -> Iterator[str]:
        """Open what clients are told to be the backend, for the length of the block.

        Args:
            backend: The URL of the backend itself.
            redis: The URL of a server that is not a backend.
            authority: Signs the certificate.

        Yields:
            Host and port, as they stand in a URL.
        """
        with ExitStack() as stack:
            if self.port == "open":
                talk = self._talk({"backend": backend, "redis": redis}.get(self.behind))
                port = stack.enter_context(Front(talk, self._tls(authority))).port
            else:
                listening = stack.enter_context(closing(socket.socket()))
                listening.bind(("127.0.0.1", 0))
                port = listening.getsockname()[1]
                if self.port == "silent":
                    # The queue of connections that nobody accepts has room for this one.
                    listening.listen(0)
                    stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            yield f"{self.host}:{port}"

    def _talk(self, url: str | None) -> Talk:
        if url is None:
            return unavailable
        parts = urlsplit(url)
        return relay(parts.hostname or "127.0.0.1", parts.port or 0, self.delay)

    def _tls(self, authority: trustme.CA) -> ssl.SSLContext:
        now = dt.datetime.now(dt.UTC)
        begin, end = (-2, -1) if self.expired else (-1, 1)
        certificate = authority.issue_cert(
            *self.names, not_before=now + dt.timedelta(days=begin), not_after=now + dt.timedelta(days=end)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


HEALTHY = Fault(None, "nothing is broken")

FAULTS = {
    "unresolved-name": Fault(Code.NAME_UNRESOLVED, "the backend's name does not resolve", host="backend.invalid"),
    "closed-port": Fault(Code.CONNECTION_REFUSED, "nobody listens on the backend's port", port="closed"),
    "unanswering-port": Fault(Code.CONNECT_TIMEOUT, "the port neither accepts nor refuses", "127.0.0.1", port="silent"),
    "expired-certificate": Fault(Code.TLS_FAILED, "the certificate expired yesterday", expired=True),
    "wrong-certificate-name": Fault(Code.TLS_FAILED, "the certificate is for another name", names=("other.invalid",)),
    "unavailable": Fault(Code.HTTP_ERROR, "503: no backend behind the load balancer", behind="nothing"),
    "wrong-service": Fault(Code.WRONG_SERVICE, "Redis answers on the backend's port", behind="redis"),
    "wrong-password": Fault(Code.LOGIN_FAILED, "the password is not the account's", wrong_password=True),
    "database-down": Fault(Code.DEPENDENCY_DOWN, "the backend has lost its database", cut_database=True),
    "drifted-configuration": Fault(Code.CONFIGURATION_DRIFT, "the backend has other settings", drifted=True),
    "slow-events": Fault(Code.TOO_SLOW, "each message of the WebSocket comes 600 ms late", delay=0.6),
}
