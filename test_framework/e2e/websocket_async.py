"""The client of the WebSocket for asyncio; import it from `websocket`, which says more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from test_framework.e2e.errors import ConnectionEnded
from test_framework.e2e.protocol import RUN_SECONDS, SECONDS, Receive
from test_framework.e2e.transport import Client, ended, handshake, refused

if TYPE_CHECKING:
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import Event, EventRecorder
    from test_framework.e2e.protocol import Accepted, Message, Operation, Resumed
    from test_framework.e2e.transport import Via

__all__ = ["AsyncWebSocketClient"]

T = TypeVar("T")


class _Connection(ClientConnection):
    """Follows no redirect: see `websocket._Connection`."""

    async def handshake(self, *args: Any, **more: Any) -> None:
        """Raise our error for any other answer than a WebSocket."""
        try:
            await super().handshake(*args, **more)
        except InvalidStatus as error:
            raise refused(error) from error


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
            if token is not None and via == "message":
                await client.authenticate(token, seconds)
            elif token is not None:
                await client._run(client._conversation.opening(seconds))
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

    async def send(self, **message: Any) -> None:
        """Send any message."""
        await self._run(self._conversation.send(message))

    async def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        await self._write(text)

    async def receive(self, seconds: float = SECONDS) -> Message:
        """Return the oldest message that no other method has taken."""
        return await self._run(self._conversation.receive(seconds))

    async def authenticate(self, token: str, seconds: float = SECONDS) -> None:
        """Bring the first token, or a newer one."""
        await self._run(self._conversation.authenticate(token, seconds))

    async def ping(self, seconds: float = SECONDS) -> float:
        """Ask for a `pong`; return the seconds until it came."""
        return await self._run(self._conversation.ping(seconds))

    async def resume(self, after: int, seconds: float = SECONDS) -> Resumed:
        """Ask for all events after a sequence."""
        return await self._run(self._conversation.resume(after, seconds))

    async def say(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = SECONDS,
    ) -> Accepted:
        """Send a message for the agent and wait until it is taken."""
        return await self._run(self._conversation.say(text, thread_id, id, seconds))

    async def events_of(self, run_id: str, seconds: float = RUN_SECONDS) -> list[Event]:
        """Return the events of a run, up to `agent_completed`."""
        return await self._run(self._conversation.events_of(run_id, seconds))

    async def run(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = RUN_SECONDS,
    ) -> tuple[Accepted, list[Event]]:
        """Do as `say` and then as `events_of`."""
        return await self._run(self._conversation.run(text, thread_id, id, seconds))

    async def closed(self, seconds: float = SECONDS) -> int:
        """Wait until the connection has ended and return the close code, 1006 without one."""
        try:
            await self._run(self._conversation.until_end(seconds))
        except ConnectionEnded as end:
            return end.code

    async def _run(self, operation: Operation[T]) -> T:
        answer = None
        while True:
            try:
                step = operation.send(answer)  # type: ignore[arg-type]  # the first must be None
            except StopIteration as done:
                result: T = done.value
                return result
            answer = await (self._read(step) if isinstance(step, Receive) else self._write(step.text))

    async def _read(self, step: Receive) -> str:
        try:
            async with asyncio.timeout(step.left):
                return str(await self._connection.recv(decode=True))
        except TimeoutError:
            raise step.late from None
        except ConnectionClosed as error:
            raise ended(error) from error

    async def _write(self, text: str) -> str:
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise ended(error) from error
        return ""
