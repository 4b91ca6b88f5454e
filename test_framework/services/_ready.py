"""When a server of which nothing else is known is ready: it accepts, answers over HTTP, or says so in its log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework import net
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    import socket

__all__ = ["Readiness"]

_OPEN_SECONDS = 0.1
_SUCCESS = range(200, 300)
_HTTP_SCHEME = {"https": "https", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Readiness:
    """How to find out: `condition` as in the settings, and the port of a URL that names none and has no usual one."""

    condition: str
    port: int

    @property
    def line(self) -> re.Pattern[str] | None:
        """What the log of a server says when it is ready, if that is how it is known."""
        return re.compile(self.condition.removeprefix("log:")) if self.condition.startswith("log:") else None

    def check(self, url: str, source: str, seconds: float, bundle: str | None) -> None:
        """Ask once whether the server behind `url` is there.

        Its log is not asked: a server that somebody else runs has none here, and one of ours has been waited for.

        Args:
            url: Where it is.
            source: Where the URL came from, for the remedy.
            seconds: Bound on each step.
            bundle: File of the authorities to trust, for TLS.

        Raises:
            Refused: See `net.connect` and `net.fetch`; `http-error` for a status that is not of the 200s.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", net.port_of(parts, self.port or 80)
        if not self.condition.startswith("http:"):
            with net.connect(host, port, source, min(net.CONNECT_SECONDS, seconds)) as sock:
                _refuse_if_closed(sock, host, port, source)
            return
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        asked = f"{_HTTP_SCHEME.get(parts.scheme, 'http')}://{at}{self.condition.removeprefix('http:')}"
        status, _ = net.fetch(asked, source, seconds, bundle=bundle)
        if status not in _SUCCESS:
            raise Refused(Reason.of(Code.HTTP_ERROR, url=asked, status=status, source=source))


def _refuse_if_closed(sock: socket.socket, host: str, port: int, source: str) -> None:
    """Refuse a connection that is ended at once: Docker's proxy accepts before the server in the container listens."""
    sock.settimeout(_OPEN_SECONDS)
    try:
        ended = not sock.recv(1)
    except TimeoutError:
        return
    except OSError:
        ended = True
    if ended:
        raise Refused(Reason.of(Code.CONNECTION_REFUSED, host=host, port=port, source=source))
