"""One per process: hears from Redis that something is new, and wakes the connections it is new for.

It carries no events, only the news: each connection reads the log itself, from where it stands, so that news which
come late, twice or not at all lose and repeat nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from reference_backend.cache import Keys

__all__ = ["BLOCK_SECONDS", "Hub", "Listener"]

log = logging.getLogger(__name__)

BLOCK_SECONDS = 5
_BATCH = 500
_PAUSE_SECONDS = 0.2


class Listener(Protocol):
    """A connection of a user."""

    user_id: UUID
    session_id: str

    def wake(self) -> None:
        """Look into the log."""

    def session_ended(self) -> None:
        """End, since the session has."""


class Hub:
    """Wakes listeners; `redis` is a client that may wait for `BLOCK_SECONDS`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._wake = keys.wake
        self._listeners: dict[str, set[Listener]] = {}
        self._last: str | None = None

    def add(self, listener: Listener) -> None:
        """Begin to wake it."""
        for name in (str(listener.user_id), listener.session_id):
            self._listeners.setdefault(name, set()).add(listener)

    def remove(self, listener: Listener) -> None:
        """Stop to wake it."""
        for name in (str(listener.user_id), listener.session_id):
            found = self._listeners.get(name, set())
            found.discard(listener)
            if not found:
                self._listeners.pop(name, None)

    async def run(self) -> None:
        """Listen until cancelled; an outage of Redis is waited out."""
        while True:
            try:
                await self._listen()
            except RedisError as error:
                log.warning("hub lost redis", extra={"reason": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        if self._last is None:
            newest: Any = await self._redis.xrevrange(self._wake, count=1)
            self._last = str(newest[0][0]) if newest else "0-0"
        last = self._last
        # What was said before we listened, or during an outage.
        self._wake_all(listener for found in self._listeners.values() for listener in found)
        while True:
            answer: Any = await self._redis.xread({self._wake: last}, count=_BATCH, block=BLOCK_SECONDS * 1000)
            for _, entries in answer or ():
                self._tell([fields for _, fields in entries])
                self._last = last = entries[-1][0]

    def _tell(self, news: list[dict[str, str]]) -> None:
        self._wake_all(
            listener
            for user in {fields["user"] for fields in news if "user" in fields}
            for listener in self._listeners.get(user, ())
        )
        for fields in news:
            for listener in tuple(self._listeners.get(fields.get("session", ""), ())):
                listener.session_ended()

    @staticmethod
    def _wake_all(listeners: Iterable[Listener]) -> None:
        for listener in tuple(listeners):
            listener.wake()
