"""When a server of which nothing else is known is ready: it accepts, answers over HTTP, or says so in its log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from test_framework import net
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    import socket

_OPEN_SECONDS = 0.1
_SUCCESS = range(200, 300)
_OK = 200
_HTTP_SCHEME = {"https": "https", "wss": "https"}
_TOLD_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Readiness:
    """When a server counts as ready: the `condition` of the settings, and the port of a URL without one."""

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
        asked = self.address(url, self.condition)
        status, body = net.fetch(asked, source, seconds, bundle=bundle)
        if status not in _SUCCESS:
            answer = f"{status}{_describe_answer(body)}"
            raise Refused(Reason.of(Code.HTTP_ERROR, url=asked, status=answer, source=source))

    def address(self, url: str, condition: str) -> str:
        """Return where `http:/path` is on the host and the port of a URL; `http:./path` is below its path."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", net.port_of(parts, self.port or 80)
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        path = condition.removeprefix("http:")
        below = f"{parts.path.rstrip('/')}{path[1:]}" if path.startswith("./") else path
        return f"{_HTTP_SCHEME.get(parts.scheme, 'http')}://{at}{below}"


def version_at(address: str, service: str, source: str, seconds: float, bundle: str | None) -> str:
    """Ask a server for its version.

    Args:
        address: Where it says it; after the `#` a JSON pointer (RFC 6901) to it.
        service: Its name, for the reason.
        source: See `Readiness.check`.
        seconds: See there.
        bundle: See there.

    Raises:
        Refused: See `net.fetch`; `wrong-service` for an answer that names no version.
    """
    url, _, pointer = address.partition("#")
    status, body = net.fetch(url, source, seconds, bundle=bundle)
    try:
        found: Any = json.loads(body) if status == _OK else None
        for key in pointer.split("/")[1:]:
            found = found[key.replace("~1", "/").replace("~0", "~")]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, str | int | float) or isinstance(found, bool):
        parts = urlsplit(url)
        error = f"{parts.path} answers {status} and names no version at {pointer or 'its top'}"
        where = {"host": parts.hostname, "port": net.port_of(parts), "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service=service, error=error, **where))
    return str(found)


def _describe_answer(body: bytes) -> str:
    """Return what an answer in JSON says, for the reason: which part of a server is down."""
    try:
        told = json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return ""
    return f": {told[:_TOLD_CHARACTERS]}"


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
