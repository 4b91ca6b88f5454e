"""The wire of one connection: whole messages in and out, each within its time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from reference_backend.websocket.closing import Close, CloseCode, Gone
from reference_backend.websocket.protocol import BadMessage, ClientMessage, parse

__all__ = ["Channel"]

_CLOSE_SECONDS = 1.0


class Channel:
    """Sends from several tasks, receives in one. What the other side no longer takes part in raises `Gone`."""

    def __init__(self, socket: WebSocket, send_seconds: float) -> None:
        self._socket = socket
        self._send_seconds = send_seconds
        self._sending = asyncio.Lock()

    async def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake."""
        try:
            await self._socket.accept(subprotocol)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Gone from error

    async def receive(self) -> ClientMessage:
        """Return the next message; raises `BadMessage` for what is none."""
        try:
            message = await self._socket.receive()
        except RuntimeError as error:
            raise Gone from error
        if message["type"] == "websocket.disconnect":
            raise Gone(message.get("code", 1006))
        text = message.get("text")
        if text is None:
            raise BadMessage("not_text", "Messages are text.")
        return parse(text)

    async def send(self, message: dict[str, Any] | str) -> None:
        """Send a message, or the text of one.

        Raises:
            Close: The client has not read for too long.
        """
        text = message if isinstance(message, str) else json.dumps(message)
        try:
            async with asyncio.timeout(self._send_seconds), self._sending:
                await self._socket.send_text(text)
        except TimeoutError as error:
            raise Close(CloseCode.TOO_SLOW, "too_slow", "The client does not read.") from error
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Gone from error

    async def error(self, code: str, message: str, **more: Any) -> None:
        """Send an error that does not end the connection."""
        await self.send({"type": "error", "code": code, "message": message, **more})

    async def close(self, close: Close) -> None:
        """Say why, and close; a client that does not listen is left."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if close.code is not CloseCode.TOO_SLOW:
                    await self._socket.send_json({"type": "error", "code": close.error, "message": close.message})
                await self._socket.close(close.code, close.error)
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            return
