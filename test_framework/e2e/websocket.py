"""Clients of the WebSocket, for threads and for asyncio: the same methods; what is said is in `protocol`.

Messages that one method does not take wait for the next one, so runs may overlap on one connection. A connection is
used by one thread, or one task, at a time. Waiting ends with `NotInTime`, which is an `AssertionError`.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from websockets.sync.client import ClientConnection, connect

from test_framework.e2e.operation import Execution, refusing_redirects
from test_framework.e2e.protocol import SECONDS, Conversation, Receive
from test_framework.e2e.transport import Client, handshake
from test_framework.e2e.websocket_async import AsyncWebSocketClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.protocol import Operation
    from test_framework.e2e.transport import Via

__all__ = ["AsyncWebSocketClient", "WebSocketClient"]

P = ParamSpec("P")
T = TypeVar("T")


class _Connection(ClientConnection):
    """Follows no redirect."""

    def handshake(self, *args: Any, **more: Any) -> None:
        """Raise our error for any other answer than a WebSocket."""
        with refusing_redirects():
            super().handshake(*args, **more)


def _method(
    operation: Callable[Concatenate[Conversation, P], Operation[T]],
) -> Callable[Concatenate[WebSocketClient, P], T]:
    """Return the method that carries an operation out."""

    @wraps(operation)
    def method(client: WebSocketClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._carry_out(operation(client._conversation, *args, **kwargs))  # noqa: SLF001  # of this module

    return method


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
            if token is not None:
                client._carry_out(client._conversation.opening(token if via == "message" else None, seconds))
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

    send = _method(Conversation.send)
    send_text = _method(Conversation.send_text)
    receive = _method(Conversation.receive)
    authenticate = _method(Conversation.authenticate)
    ping = _method(Conversation.ping)
    resume = _method(Conversation.resume)
    say = _method(Conversation.say)
    events_of = _method(Conversation.events_of)
    run = _method(Conversation.run)
    closed = _method(Conversation.closed)

    def _carry_out(self, operation: Operation[T]) -> T:
        execution = Execution(operation)
        while step := execution.step:
            with execution.carrying_out(step):
                if isinstance(step, Receive):
                    execution.received = self._connection.recv(step.seconds_left, decode=True)
                else:
                    self._connection.send(step.text)
        return execution.result
