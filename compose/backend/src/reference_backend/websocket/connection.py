"""A connection of a user: what he says is answered, his events are delivered, and it ends with his session."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from redis.exceptions import RedisError

from reference_backend.auth.tokens import Claims
from reference_backend.errors import UNAVAILABLE
from reference_backend.resources import Resources
from reference_backend.websocket.channel import Channel
from reference_backend.websocket.closing import Close, CloseCode, Gone
from reference_backend.websocket.conversation import answer
from reference_backend.websocket.delivery import Delivery
from reference_backend.websocket.protocol import (
    Authenticate,
    BadMessage,
    ClientMessage,
    Ping,
    Pong,
    Resume,
    UserMessage,
)

__all__ = ["Connection"]

log = logging.getLogger(__name__)


class Connection:
    """See `events.hub.Listener` for what the hub calls."""

    def __init__(self, channel: Channel, resources: Resources, name: str, claims: Claims) -> None:
        self.user_id = claims.user_id
        self.session_id = claims.session_id
        self._channel = channel
        self._resources = resources
        self._settings = resources.settings
        self._name = name
        self._expires_at = claims.expires_at
        self._ended = asyncio.Event()
        self._delivery = Delivery(channel, resources.log, self.user_id, self._settings.ws_resume_window_seconds)

    def wake(self) -> None:
        """There may be new events."""
        self._delivery.wake()

    def session_ended(self) -> None:
        """The session has ended."""
        self._ended.set()

    async def run(self, after: int | None, claims_of: Callable[[str], Awaitable[Claims]]) -> None:
        """Live until one side ends it.

        Args:
            after: The event after which the client wants to go on, where it has said so with its token.
            claims_of: Reads a newer token; raises `Close`.

        Raises:
            Close: The server ends it.
            Gone: The client has ended it.
        """
        why: BaseException | None = None
        self._resources.hub.add(self)
        try:
            await self._begin(after)
            async with asyncio.TaskGroup() as group:
                for part in (self._listen(claims_of), self._delivery.run(), self._beat(), self._guard()):
                    group.create_task(part)
        except* (Close, Gone) as ended:
            # Who names a reason knows more than who only saw the connection go.
            why = min(ended.exceptions, key=lambda error: isinstance(error, Gone))
        finally:
            self._resources.hub.remove(self)
        if why:
            raise why

    async def _begin(self, after: int | None) -> None:
        # The hub knows of us already, so that neither an event nor the end of the session falls between.
        if not await self._resources.sessions.lives(self.user_id, self.session_id):
            raise Close(CloseCode.BAD_TOKEN, "session_ended", "The session has ended.")
        span = await self._resources.log.span(self.user_id)
        self._delivery.start(span.last)
        await self._channel.send(
            {
                "type": "ready",
                "connection_id": self._name,
                "user_id": str(self.user_id),
                "sequence": span.last,
                "ping_seconds": self._settings.ws_ping_seconds,
                "idle_seconds": self._settings.ws_idle_seconds,
                "max_message_bytes": self._settings.ws_max_message_bytes,
                "max_text_characters": self._settings.text_max_characters,
            }
        )
        if after is not None:
            await self._delivery.resume(after)
            self._delivery.begin()

    async def _listen(self, claims_of: Callable[[str], Awaitable[Claims]]) -> None:
        bad = 0
        while True:
            try:
                async with asyncio.timeout(self._settings.ws_idle_seconds):
                    message = await self._channel.receive()
            except TimeoutError as error:
                raise Close(CloseCode.IDLE, "idle", "Nothing came for too long.") from error
            except BadMessage as found:
                bad += 1
                if bad >= self._settings.ws_max_bad_messages:
                    raise Close(CloseCode.TOO_MANY_BAD_MESSAGES, found.code, found.message) from found
                await self._channel.error(found.code, found.message)
                continue
            bad = 0
            try:
                await self._answer(message, claims_of)
            except UNAVAILABLE as error:
                log.warning("message not served", extra={"type": message.type, "reason": str(error)})
                await self._channel.error("unavailable", "A part of the backend does not answer; try again.")
            self._delivery.begin()

    async def _answer(self, message: ClientMessage, claims_of: Callable[[str], Awaitable[Claims]]) -> None:
        match message:
            case UserMessage():
                await answer(message, self._channel, self._resources, self.user_id)
            case Resume(after=after):
                await self._delivery.resume(after)
            case Ping():
                await self._channel.send({"type": "pong"})
            case Authenticate(token=token):
                await self._renew(await claims_of(token))
            case Pong():
                pass

    async def _renew(self, claims: Claims) -> None:
        if (claims.user_id, claims.session_id) != (self.user_id, self.session_id):
            raise Close(CloseCode.BAD_TOKEN, "token_of_another", "The token is of another session.")
        self._expires_at = claims.expires_at
        await self._channel.send({"type": "authenticated", "expires_at": claims.expires_at})

    async def _beat(self) -> None:
        """Say `ping` now and then, and see for ourselves what the hub may have missed."""
        while True:
            await asyncio.sleep(self._settings.ws_ping_seconds)
            await self._channel.send({"type": "ping", "time": datetime.now(UTC).isoformat()})
            with suppress(RedisError):
                if not await self._resources.sessions.lives(self.user_id, self.session_id):
                    self._ended.set()
                await self._resources.places.take(self.user_id, self._name)
                # Keeps the count of the events from running out under us.
                await self._resources.log.span(self.user_id)
            self._delivery.wake()

    async def _guard(self) -> None:
        """Close when the session has ended, or when the token has expired and no newer one has come."""
        while (left := self._expires_at - time.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._ended.wait()
                raise Close(CloseCode.BAD_TOKEN, "session_ended", "The session has ended.")
        raise Close(CloseCode.BAD_TOKEN, "token_expired", "The token has expired.")
