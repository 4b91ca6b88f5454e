"""The client of the WebSocket for asyncio; import it from `websocket`, which says more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect

from test_framework.e2e.operation import Execution, refusing_redirects
from test_framework.e2e.protocol import SECONDS, Conversation, Receive
from test_framework.e2e.transport import Client, handshake

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.protocol import Operation
    from test_framework.e2e.transport import Via

__all__ = ["AsyncWebSocketClient"]

P = ParamSpec("P")
T = TypeVar("T")


class _Connection(ClientConnection):
    """Follows no redirect."""

    async def handshake(self, *args: Any, **more: Any) -> None:
        """Raise our error for any other answer than a WebSocket."""
        with refusing_redirects():
            await super().handshake(*args, **more)


def _method(
    operation: Callable[Concatenate[Conversation, P], Operation[T]],
) -> Callable[Concatenate[AsyncWebSocketClient, P], Coroutine[Any, Any, T]]:
    """Return the method that carries an operation out."""

    @wraps(operation)
    async def method(client: AsyncWebSocketClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._carry_out(operation(client._conversation, *args, **kwargs))  # noqa: SLF001  # of this module

    return method


class AsyncWebSocketClient(Client):
    """A connection for asyncio. Close it, or use it in `async with`. Each method does as that of `WebSocketClient`."""

    def __init__(self, connection: ClientConnection, closing: AsyncExitStack, recorder: EventRecorder | None) -> None:
        super().__init__(recorder)
        self._connection = connection
        self._closing = closing

    @classmethod
    async def connect(
        cls,
        deployment: Deployment,
        token: str | None = None,
        *,
        via: Via = "header",
        recorder: EventRecorder | None = None,
        seconds: float = SECONDS,
    ) -> Self:
        """Connect and wait for `ready`."""
        closing = AsyncExitStack()
        options = handshake(deployment, token, via, seconds)
        connection = await closing.enter_async_context(connect(create_connection=_Connection, **options))
        client = cls(connection, closing, recorder)
        try:
            if token is not None:
                await client._carry_out(client._conversation.opening(token if via == "message" else None, seconds))
        except BaseException:
            await client.close()
            raise
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection with a closing handshake."""
        await self._closing.aclose()

    async def drop(self) -> None:
        """Cut the connection."""
        self._connection.transport.abort()
        await self._connection.wait_closed()

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

    async def _carry_out(self, operation: Operation[T]) -> T:
        execution = Execution(operation)
        while step := execution.step:
            with execution.carrying_out(step):
                if isinstance(step, Receive):
                    async with asyncio.timeout(step.seconds_left):
                        execution.received = await self._connection.recv(decode=True)
                else:
                    await self._connection.send(step.text)
        return execution.result
