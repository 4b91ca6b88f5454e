"""Sessions, in Redis, so that every process sees at once when one ends.

A refresh token is `SESSION.SECRET`. Only the hash of the newest one is kept as good, and those of the old ones as
used: who brings a used one has stolen it, or was stolen from, so the whole session ends.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from reference_backend.cache import Keys
from reference_backend.config import Settings

__all__ = ["RefreshRefused", "RefreshReused", "Session", "Sessions"]

_USED_KEPT = 1000
"""Older tokens than these many are still refused, but do not end the session."""

# Carried out twice (see `cache.connect`), it finds its own new token in place, and that is no reuse.
_ROTATE = """
local known = redis.call('HMGET', KEYS[1], 'refresh', 'user', 'ends')
if not known[1] then return {'unknown', ''} end
if known[1] == ARGV[2] then return {'rotated', known[2]} end
if known[1] == ARGV[1] then
  local left = math.min(tonumber(ARGV[3]), tonumber(known[3]) - tonumber(ARGV[4]))
  if left <= 0 then return {'unknown', ''} end
  redis.call('HSET', KEYS[1], 'refresh', ARGV[2])
  redis.call('LPUSH', KEYS[2], ARGV[1])
  redis.call('LTRIM', KEYS[2], 0, ARGV[5] - 1)
  redis.call('EXPIRE', KEYS[1], left)
  redis.call('EXPIRE', KEYS[2], left)
  return {'rotated', known[2]}
end
for _, old in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  if old == ARGV[1] then return {'reused', known[2]} end
end
return {'unknown', ''}
"""

_END = """
local gone = redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 10000, '*', 'session', ARGV[1])
return gone
"""


class RefreshRefused(Exception):
    """The refresh token is not good."""


class RefreshReused(RefreshRefused):
    """The refresh token was used before; its session has ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session with its newest refresh token, which nobody else has."""

    id: str
    user_id: UUID
    refresh_token: str

    def __repr__(self) -> str:
        return f"<Session {self.id}>"


class Sessions:
    """Opens, refreshes and ends sessions."""

    def __init__(self, redis: Redis, keys: Keys, settings: Settings) -> None:
        self._redis = redis
        self._keys = keys
        self._seconds = settings.refresh_token_seconds
        self._longest = settings.session_max_seconds
        self._rotate = redis.register_script(_ROTATE)
        self._end = redis.register_script(_END)

    async def open(self, user_id: UUID) -> Session:
        """Begin a session."""
        session = _with_new_token(secrets.token_hex(16), user_id)
        key, mine = self._keys.session(session.id), self._keys.sessions_of(user_id)
        ends = int(time.time()) + self._longest
        about: dict[FieldT, EncodableT] = {"user": str(user_id), "refresh": _hash(session.refresh_token), "ends": ends}
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=about)
            pipe.expire(key, min(self._seconds, self._longest))
            pipe.zadd(mine, {session.id: ends})
            pipe.zremrangebyscore(mine, "-inf", int(time.time()))
            pipe.expire(mine, self._longest)
            await pipe.execute()
        return session

    async def refresh(self, token: str) -> Session:
        """Exchange a refresh token for a new one.

        Raises:
            RefreshReused: It was exchanged before: its session is ended, with all tokens that came of it.
            RefreshRefused: It is not one of ours, or its session has ended.
        """
        name = token.partition(".")[0]
        fresh = _with_new_token(name, UUID(int=0))
        verdict, user = await self._rotate(
            keys=[self._keys.session(name), self._keys.used(name)],
            args=[_hash(token), _hash(fresh.refresh_token), self._seconds, int(time.time()), _USED_KEPT],
        )
        if verdict == "reused":
            await self.end(UUID(user), name)
            raise RefreshReused
        if verdict != "rotated":
            raise RefreshRefused
        return Session(name, UUID(user), fresh.refresh_token)

    async def lives(self, user_id: UUID, session_id: str) -> bool:
        """Say whether it is a session of this user that has not ended."""
        return bool(await self._redis.hget(self._keys.session(session_id), "user") == str(user_id))

    async def end(self, user_id: UUID, session_id: str) -> bool:
        """End a session: its tokens are refused from now on, its WebSockets are closed in every process.

        Returns:
            Whether there was one.
        """
        keys = self._keys
        names = [keys.session(session_id), keys.used(session_id), keys.sessions_of(user_id), keys.wake]
        return bool(await self._end(keys=names, args=[session_id]))

    async def end_all(self, user_id: UUID) -> int:
        """End all sessions of a user; return how many there were."""
        found: Any = await self._redis.zrange(self._keys.sessions_of(user_id), 0, -1)
        return sum([await self.end(user_id, session_id) for session_id in found])


def _with_new_token(session_id: str, user_id: UUID) -> Session:
    return Session(session_id, user_id, f"{session_id}.{secrets.token_urlsafe(32)}")


def _hash(token: str) -> str:
    # The secret is random and long, so a plain hash cannot be guessed backwards.
    return hashlib.sha256(token.encode()).hexdigest()
