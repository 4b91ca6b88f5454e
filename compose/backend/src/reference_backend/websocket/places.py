"""How many connections there may be: in this process, without a token, and of one user over all processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.typing import EncodableT

from reference_backend.cache import Keys
from reference_backend.config import Settings
from reference_backend.websocket.closing import Close, CloseCode

__all__ = ["Places"]

# A process that was killed gives nothing back, so each place runs out unless it is taken again.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Places:
    """Counts connections."""

    def __init__(self, redis: Redis, keys: Keys, settings: Settings) -> None:
        self._redis = redis
        self._keys = keys
        self._most = settings.ws_max_connections
        self._most_waiting = settings.ws_max_unauthenticated
        self._most_of_user = settings.ws_max_connections_per_user
        self._milliseconds = int((settings.ws_idle_seconds + settings.ws_ping_seconds) * 1000)
        self._take = redis.register_script(_TAKE)
        self.taken = 0
        self.waiting = 0

    @contextmanager
    def in_process(self) -> Iterator[None]:
        """Hold a place of this process; raises `Close`."""
        if self.taken >= self._most:
            raise Close(CloseCode.TRY_AGAIN_LATER, "too_many_connections", "The process has no place left.")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def without_token(self) -> Iterator[None]:
        """Hold one of the places for who has yet to bring a token; raises `Close`."""
        if self.waiting >= self._most_waiting:
            raise Close(CloseCode.TRY_AGAIN_LATER, "too_many_unauthenticated", "Too many connections have no token.")
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    @asynccontextmanager
    async def of_user(self, user_id: UUID, connection_id: str) -> AsyncIterator[None]:
        """Hold a place of the user; raises `Close`."""
        await self.take(user_id, connection_id)
        try:
            yield
        finally:
            # It runs out by itself otherwise.
            with suppress(RedisError):
                await self._redis.zrem(self._keys.connections(user_id), connection_id)

    async def take(self, user_id: UUID, connection_id: str) -> None:
        """Take or keep one of the user's places; raises `Close`."""
        args: list[EncodableT] = [connection_id, self._most_of_user, self._milliseconds]
        if not await self._take(keys=[self._keys.connections(user_id)], args=args):
            raise Close(CloseCode.TOO_MANY_CONNECTIONS, "too_many_connections", "The user has no place left.")
