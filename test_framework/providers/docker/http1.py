"""Just enough HTTP/1.1 to ask an engine, with bounds; the architecture page says why it is not `http.client`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.channel import Channel

_MOST_BYTES = 1 << 20
_MOST_LINE = 8192
_MOST_HEADERS = 100
_NO_BODY = (204, 304)


class NotHTTPError(Exception):
    """The answer is not HTTP, or larger than any engine's.

    Attributes:
        start: The first bytes, where they alone told.
    """

    def __init__(self, text: str, start: bytes = b"") -> None:
        super().__init__(text)
        self.start = start


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reusable: bool


def get(channel: Channel, host: str, path: str) -> Response:
    """Send a GET request and return the whole answer.

    Raises:
        NotHTTPError: The answer is not HTTP, or has more than 1 MiB.
        ConnectionError: The connection closed before the end of the answer.
        OSError: The channel failed; TimeoutError at its deadline.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test-framework\r\nAccept: application/json\r\n\r\n"
    reader = _Reader(channel)
    try:
        channel.send(request.encode())
        return _read(reader)
    except (EOFError, ConnectionError) as error:
        msg = "it breaks off its answer" if reader.heard else "it closes the connection without an answer"
        raise ConnectionError(msg) from error


def _read(reader: _Reader) -> Response:
    version, status = _status(reader)
    headers = _headers(reader)
    if status in _NO_BODY:
        body = b""
    elif "chunked" in headers.get("transfer-encoding", "").lower():
        body = _chunks(reader)
    elif "content-length" in headers:
        body = reader.exactly(_number(headers["content-length"], 10))
    else:
        return Response(status, headers, reader.rest(), reusable=False)
    reusable = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Response(status, headers, body, reusable)


def _status(reader: _Reader) -> tuple[str, int]:
    # Judged by its first bytes: what is not HTTP need not ever end a line.
    reader.expect(b"HTTP/1.")
    version, _, rest = reader.line().partition(" ")
    return version, _number(rest[:3], 10)


def _headers(reader: _Reader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = reader.line()
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    msg = f"more than {_MOST_HEADERS} headers"
    raise NotHTTPError(msg)


def _chunks(reader: _Reader) -> bytes:
    body = bytearray()
    while size := _number(reader.line().partition(";")[0], 16):
        body += reader.exactly(size)
        reader.line()
    while reader.line():
        pass
    return bytes(body)


def _number(text: str, base: int) -> int:
    digits = "0123456789abcdef"[:base]
    text = text.strip().lower()
    if not text or text.strip(digits):
        msg = f"{text[:40]!r} where a number belongs"
        raise NotHTTPError(msg)
    return int(text, base)


class _Reader:
    """Reads lines and bodies from a channel, and gives up past `_MOST_BYTES`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._taken = 0

    @property
    def heard(self) -> bool:
        """Whether anything came."""
        return bool(self._taken or self._buffer)

    def expect(self, prefix: bytes) -> None:
        """Wait for the first bytes, which have to be these."""
        while prefix.startswith(self._buffer) and len(self._buffer) < len(prefix):
            self._more()
        if not self._buffer.startswith(prefix):
            start = bytes(self._buffer[:60])
            raise NotHTTPError(repr(start), start)

    def line(self) -> str:
        """Return the next line without its end."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MOST_LINE:
                msg = f"a line of more than {_MOST_LINE} bytes"
                raise NotHTTPError(msg)
            self._more()
        return self._take(end + 1).decode("latin-1").rstrip("\r\n")

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if self._taken + size > _MOST_BYTES:
            raise _too_large()
        while len(self._buffer) < size:
            self._more()
        return self._take(size)

    def rest(self) -> bytes:
        """Return all that comes until the other side closes."""
        try:
            while True:
                self._more()
        except EOFError:
            return self._take(len(self._buffer))

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._taken += size
        return data

    def _more(self) -> None:
        data = self._channel.receive()
        if not data:
            raise EOFError
        self._buffer += data
        if self._taken + len(self._buffer) > _MOST_BYTES:
            raise _too_large()


def _too_large() -> NotHTTPError:
    return NotHTTPError("an answer of more than 1 MiB")
