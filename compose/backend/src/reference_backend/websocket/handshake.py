"""How a connection comes to be: the handshake, the token, a place, and in the end the close code."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from uuid import uuid4

from redis.exceptions import RedisError
from starlette.websockets import WebSocket

from reference_backend import logs
from reference_backend.auth.tokens import Claims, TokenRefused
from reference_backend.resources import Resources
from reference_backend.websocket.channel import Channel
from reference_backend.websocket.closing import Close, CloseCode, Gone
from reference_backend.websocket.connection import Connection
from reference_backend.websocket.protocol import Authenticate, BadMessage

__all__ = ["SUBPROTOCOL", "serve"]

log = logging.getLogger(__name__)

SUBPROTOCOL = "reference-backend.v1"
_TOKEN_PREFIX = "bearer."  # noqa: S105  # what stands before one


async def serve(socket: WebSocket, resources: Resources) -> None:
    """Serve a connection until it is closed by one side."""
    name = uuid4().hex
    logs.connection_id.set(name)
    channel = Channel(socket, resources.settings.ws_send_seconds)
    try:
        await _serve(socket, channel, resources, name)
    except Gone as gone:
        code = gone.code
    except Close as close:
        code = await _close(channel, close)
    except RedisError as error:
        log.warning("connection lost the cache", extra={"reason": str(error)})
        code = await _close(
            channel, Close(CloseCode.TRY_AGAIN_LATER, "cache_unavailable", "The cache does not answer.")
        )
    except Exception:
        log.exception("connection broke")
        code = await _close(channel, Close(CloseCode.INTERNAL, "internal_error", "Something went wrong here."))
    log.info("connection closed", extra={"code": code})


async def _serve(socket: WebSocket, channel: Channel, resources: Resources, name: str) -> None:
    token, subprotocol = _offered(socket)
    await channel.accept(subprotocol)
    places = resources.places
    with places.in_process():
        after = None
        with ExitStack() as waiting:
            if token is None:
                waiting.enter_context(places.without_token())
                first = await _first_message(channel, resources.settings.ws_auth_seconds)
                token, after = first.token, first.after
            claims = await _claims(token, resources)
        logs.user_id.set(str(claims.user_id))
        connection = Connection(channel, resources, name, claims)
        async with places.of_user(claims.user_id, name):
            log.info("connection open")
            await connection.run(after, lambda newer: _claims(newer, resources))


async def _close(channel: Channel, close: Close) -> int:
    await channel.close(close)
    return int(close.code)


def _offered(socket: WebSocket) -> tuple[str | None, str | None]:
    """Return the token that the handshake brings, and the subprotocol to agree on.

    Browsers can set no header but the subprotocols, so a token may stand among them, beside the real one.
    """
    offered: list[str] = socket.scope.get("subprotocols", [])
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    scheme, _, credentials = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip(), subprotocol
    brought = next((one for one in offered if one.startswith(_TOKEN_PREFIX)), None)
    return (brought.removeprefix(_TOKEN_PREFIX) if brought else None), subprotocol


async def _first_message(channel: Channel, seconds: float) -> Authenticate:
    try:
        async with asyncio.timeout(seconds):
            message = await channel.receive()
    except TimeoutError as error:
        raise Close(CloseCode.NO_TOKEN_IN_TIME, "no_token_in_time", "No token came in time.") from error
    except BadMessage as bad:
        raise Close(CloseCode.BAD_TOKEN, bad.code, bad.message) from bad
    if not isinstance(message, Authenticate):
        raise Close(CloseCode.BAD_TOKEN, "token_missing", "The first message brings the token.")
    return message


async def _claims(token: str, resources: Resources) -> Claims:
    """Return what a token says, if it and its session are good now; raises `Close`."""
    try:
        claims = resources.tokens.read(token)
    except TokenRefused as refused:
        raise Close(CloseCode.BAD_TOKEN, refused.code, refused.message) from refused
    if not await resources.sessions.lives(claims.user_id, claims.session_id):
        raise Close(CloseCode.BAD_TOKEN, "session_ended", "The session has ended.")
    return claims
