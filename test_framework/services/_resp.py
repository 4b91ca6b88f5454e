"""A connection to a server that speaks Redis' protocol, for the few commands that we send.

redis-py would do the same, and importing it takes longer than starting the server; hiredis, the parser under it,
takes a millisecond. Tests use whichever client they like.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from hiredis import HiredisError, Reader, ReplyError, pack_command

from test_framework import net
from test_framework.deadline import Deadline, DeadlineSocket

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["HiredisError", "RedisConnection", "ReplyError", "address_of"]

_PORT = 6379
_CHUNK = 65536


def address_of(url: str) -> tuple[str, int]:
    """Return the host and the port of a URL; a socket's path and port 0 for `unix://`."""
    parts = urlsplit(url)
    return (parts.path, 0) if parts.scheme == "unix" else (parts.hostname or "localhost", parts.port or _PORT)


class RedisConnection:
    """One connection, logged in. Not for several threads at once."""

    def __init__(self, url: str, source: str, seconds: float) -> None:
        """Connect and log in.

        Args:
            url: Of the server.
            source: Where the URL came from, for the remedy.
            seconds: Bound on each step, and on all answers to what is asked at once.

        Raises:
            Refused: The name, or the TCP connection, as `net.connect` says.
            ReplyError: The server refuses the login.
            HiredisError: What it answers is not the protocol.
            OSError: The connection or TLS fails.
        """
        self._reader = Reader()
        self._seconds = seconds
        self._failed: OSError | None = None
        self._socket = _open(url, source, seconds)
        try:
            self._log_in(url)
        except BaseException:
            self.close()
            raise

    def _log_in(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        user = unquote(parts.username or query.get("username", [""])[0])
        password = unquote(parts.password or query.get("password", [""])[0])
        if password:
            self.ask("AUTH", *filter(None, (user, password)))

    def ask(self, *command: str | int | bytes) -> Any:
        """Send a command and return the answer.

        Raises:
            ReplyError: The server answers with an error.
            HiredisError: What it answers is not the protocol.
            OSError: The connection is gone, or the time is over.
        """
        (answer,) = self.ask_all(command)
        if isinstance(answer, ReplyError):
            raise answer
        return answer

    def ask_all(self, *commands: tuple[str | int | bytes, ...]) -> list[Any]:
        """Send several commands at once and return the answers, errors among them; raises as `ask` does otherwise."""
        packed = b"".join(pack_command(command) for command in commands)  # type: ignore[arg-type]  # the stub: any length
        if self._failed:
            raise self._failed
        conversation = DeadlineSocket(self._socket, Deadline(self._seconds))
        try:
            conversation.sendall(packed)
            return [self._answer(conversation) for _ in commands]
        except OSError as error:
            # What comes later would be taken for the answer to something else.
            self._failed = error
            self._socket.close()
            raise

    def _answer(self, conversation: DeadlineSocket) -> Any:
        while (answer := self._reader.gets()) is False:
            received = conversation.recv(_CHUNK)
            if not received:
                raise ConnectionResetError("the server closed the connection")
            self._reader.feed(received)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open(url: str, source: str, seconds: float) -> socket.socket:
    host, port = address_of(url)
    scheme = urlsplit(url).scheme
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(seconds)
        sock.connect(host)
        return sock
    sock = net.connect(host, port, source, min(seconds, net.CONNECT_SECONDS))
    if scheme != "rediss":
        return sock
    sock.settimeout(seconds)
    with sock:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
