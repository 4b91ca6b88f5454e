"""Clients of the WebSocket, for threads and for asyncio: the same methods; what is said is in `protocol`.

Messages that one method does not take wait for the next one, so runs may overlap on one connection. A connection is
used by one thread, or one task, at a time. Waiting ends with `NotInTime`, which is an `AssertionError`.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from test_framework.e2e.errors import ConnectionEnded
from test_framework.e2e.protocol import RUN_SECONDS, SECONDS, Receive
from test_framework.e2e.transport import Client, ended, handshake, refused
from test_framework.e2e.websocket_async import AsyncWebSocketClient

if TYPE_CHECKING:
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import Event, EventRecorder
    from test_framework.e2e.protocol import Accepted, Message, Operation, Resumed
    from test_framework.e2e.transport import Via

__all__ = ["AsyncWebSocketClient", "WebSocketClient"]

T = TypeVar("T")


class _Connection(ClientConnection):
    """Follows no redirect, as the library does with answers that it knows: a token in the subprotocol would go along.

    It looks for its own error, whatever its version, and this is ours.
    """

    def handshake(self, *args: Any, **more: Any) -> None:
        """Raise our error for any other answer than a WebSocket."""
        try:
            super().handshake(*args, **more)
        except InvalidStatus as error:
            raise refused(error) from error


class WebSocketClient(Client):
    """A connection for use without asyncio. Close it, or use it in `with`."""

    def __init__(self, connection: ClientConnection, closing: ExitStack, recorder: EventRecorder | None) -> None:
        super().__init__(recorder)
        self._connection = connection
        self._closing = closing

    @classmethod
    def connect(
        cls,
        deployment: Deployment,
        token: str | None = None,
        *,
        via: Via = "header",
        recorder: EventRecorder | None = None,
        seconds: float = SECONDS,
    ) -> Self:
        """Connect and wait for `ready`.

        Args:
            deployment: Where.
            token: The access token; with None the connection is open and not ready, until `authenticate`.
            via: How the token is brought: in the header, as a subprotocol, or in the first message.
            recorder: Is given every event received.
            seconds: The bound on each of the two steps.

        Raises:
            HandshakeRefused: The server answered with an HTTP status.
            ConnectionEnded: It closed the connection, such as with 4401 for a bad token.
            OSError: It cannot be reached.
        """
        closing = ExitStack()
        options = handshake(deployment, token, via, seconds)
        connection = closing.enter_context(connect(create_connection=_Connection, **options))
        client = cls(connection, closing, recorder)
        try:
            if token is not None and via == "message":
                client.authenticate(token, seconds)
            elif token is not None:
                client._run(client._conversation.opening(seconds))
        except BaseException:
            client.close()
            raise
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection with a closing handshake; does nothing when it is closed."""
        self._closing.close()

    def drop(self) -> None:
        """Cut the connection as a tunnel does: the server hears no word of it."""
        with suppress(OSError):
            # Not `SSLSocket.shutdown`, which takes TLS away under the thread that reads.
            socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)

    def send(self, **message: Any) -> None:
        """Send any message, also one that the protocol does not know."""
        self._run(self._conversation.send(message))

    def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        self._write(text)

    def receive(self, seconds: float = SECONDS) -> Message:
        """Return the oldest message that no other method has taken."""
        return self._run(self._conversation.receive(seconds))

    def authenticate(self, token: str, seconds: float = SECONDS) -> None:
        """Bring the first token, or a newer one of the same session."""
        self._run(self._conversation.authenticate(token, seconds))

    def ping(self, seconds: float = SECONDS) -> float:
        """Ask for a `pong`; return the seconds until it came."""
        return self._run(self._conversation.ping(seconds))

    def resume(self, after: int, seconds: float = SECONDS) -> Resumed:
        """Ask for all events after a sequence, 0 for all that are kept; raises `MessageRefused`."""
        return self._run(self._conversation.resume(after, seconds))

    def say(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = SECONDS,
    ) -> Accepted:
        """Send a message for the agent and wait until it is taken; raises `MessageRefused`.

        With an `id` that was sent before, the server finds the run that it had then.
        """
        return self._run(self._conversation.say(text, thread_id, id, seconds))

    def events_of(self, run_id: str, seconds: float = RUN_SECONDS) -> list[Event]:
        """Return the events of a run, up to `agent_completed`."""
        return self._run(self._conversation.events_of(run_id, seconds))

    def run(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = RUN_SECONDS,
    ) -> tuple[Accepted, list[Event]]:
        """Do as `say` and then as `events_of`."""
        return self._run(self._conversation.run(text, thread_id, id, seconds))

    def closed(self, seconds: float = SECONDS) -> int:
        """Wait until the connection has ended and return the close code, 1006 without one."""
        try:
            self._run(self._conversation.until_end(seconds))
        except ConnectionEnded as end:
            return end.code

    def _run(self, operation: Operation[T]) -> T:
        answer = None
        while True:
            try:
                step = operation.send(answer)  # type: ignore[arg-type]  # the first must be None
            except StopIteration as done:
                result: T = done.value
                return result
            answer = self._read(step) if isinstance(step, Receive) else self._write(step.text)

    def _read(self, step: Receive) -> str:
        try:
            return str(self._connection.recv(step.left, decode=True))
        except TimeoutError:
            raise step.late from None
        except ConnectionClosed as error:
            raise ended(error) from error

    def _write(self, text: str) -> str:
        try:
            self._connection.send(text)
        except ConnectionClosed as error:
            raise ended(error) from error
        return ""
