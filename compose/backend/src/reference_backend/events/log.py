"""The log of each user's events: a stream in Redis, bounded in length and in time.

A sequence counts all events of a user, without gaps. It begins at the time in milliseconds, so that it never goes
back, not even when Redis has lost everything or the log has expired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from reference_backend.cache import Keys
from reference_backend.config import Settings

__all__ = ["Log", "Span"]

_LAST = """
local function last()
  local known = redis.call('HGET', KEYS[1], 'last')
  if known then return known end
  local time = redis.call('TIME')
  local start = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', KEYS[1], 'base', start, 'last', start)
  return start
end
"""

_SPAN = (
    _LAST
    + """
local known = last()
redis.call('EXPIRE', KEYS[1], ARGV[1])
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
return {redis.call('HGET', KEYS[1], 'base'), first and string.match(first[1], '%d+') or '', known}
"""
)

# A run has each type of event once, so one that is kept twice (see `cache.connect`) finds its own number.
_ADD = (
    _LAST
    + """
local known = redis.call('HGET', KEYS[4], ARGV[1])
if known then return known end
if redis.call('HEXISTS', KEYS[4], 'agent_completed') == 1 then return 0 end
last()
local sequence = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'last', 1))
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], sequence .. '-0', 'event', ARGV[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'user', ARGV[5])
redis.call('HSET', KEYS[4], ARGV[1], sequence)
for place, key in ipairs(KEYS) do
  if place ~= 3 then redis.call('EXPIRE', key, ARGV[4]) end
end
return sequence
"""
)


@dataclass(frozen=True, slots=True)
class Span:
    """What the log of a user holds: the sequences after `before`, up to `last`; the first of all came after `base`."""

    base: int
    before: int
    last: int

    def missing(self, after: int) -> tuple[int, int] | None:
        """Return the first and last sequence that came after `after` and are gone; 0 stands for the beginning."""
        begin = after or self.base
        return (begin + 1, self.before) if begin < self.before else None


class Log:
    """Keeps events and gives them back."""

    def __init__(self, redis: Redis, keys: Keys, settings: Settings) -> None:
        self._redis = redis
        self._keys = keys
        self._kept = settings.events_kept
        self._seconds = settings.events_seconds
        self._span = redis.register_script(_SPAN)
        self._add = redis.register_script(_ADD)

    async def add(self, user_id: UUID, event: dict[str, Any]) -> int:
        """Keep an event, wake all processes, and return the event's sequence; 0 when its run is over already."""
        keys = self._keys
        return int(
            await self._add(
                keys=[keys.counter(user_id), keys.stream(user_id), keys.wake, keys.steps(event["run_id"])],
                args=[event["type"], json.dumps(event), self._kept, self._seconds, str(user_id)],
            )
        )

    async def span(self, user_id: UUID) -> Span:
        """Say what is kept for a user."""
        base, first, last = await self._span(
            keys=[self._keys.counter(user_id), self._keys.stream(user_id)], args=[self._seconds]
        )
        before = int(first) - 1 if first else int(last)
        return Span(int(base), before, int(last))

    async def read(self, user_id: UUID, after: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Return the next events after a sequence, each with its own."""
        # Its type depends on settings that the library's types do not know.
        found: Any = await self._redis.xrange(self._keys.stream(user_id), min=f"{after + 1}-0", count=count)
        return [(int(entry.partition("-")[0]), json.loads(fields["event"])) for entry, fields in found]

    async def forget(self, user_id: UUID) -> None:
        """Drop the log of a user who is gone."""
        await self._redis.delete(self._keys.stream(user_id), self._keys.counter(user_id))
