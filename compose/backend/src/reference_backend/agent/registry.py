"""Who works on which run, in Redis, so that the run of a process that was killed is ended by another."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis

from reference_backend.cache import Keys

__all__ = ["Entry", "Registry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is not over."""

    user_id: UUID
    thread_id: UUID
    run_id: UUID


class Registry:
    """The runs of all processes; this one has a name of its own."""

    def __init__(self, redis: Redis, keys: Keys, lease_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._lease_ms = int(lease_seconds * 1000)
        self._process = uuid4().hex

    async def beat(self) -> None:
        """Say that this process lives."""
        await self._redis.set(self._keys.process(self._process), 1, px=self._lease_ms)

    async def enter(self, entry: Entry) -> None:
        """Note a run of this process."""
        about = [self._process, str(entry.user_id), str(entry.thread_id)]
        await self._redis.hset(self._keys.active, str(entry.run_id), json.dumps(about))

    async def leave(self, run_id: UUID) -> None:
        """Forget a run that is over."""
        await self._redis.hdel(self._keys.active, str(run_id))

    async def abandoned(self, mine: Collection[UUID]) -> list[Entry]:
        """Return the runs that nobody works on, each to one asker only; `mine` are those that this process does."""
        found = []
        known: Any = await self._redis.hgetall(self._keys.active)
        for name, about in known.items():
            process, user_id, thread_id = json.loads(about)
            entry = Entry(UUID(user_id), UUID(thread_id), UUID(name))
            alive = entry.run_id in mine if process == self._process else await self._lives(process)
            if not alive and await self._redis.set(self._keys.claim(name), 1, px=self._lease_ms, nx=True):
                found.append(entry)
        return found

    async def _lives(self, process: str) -> bool:
        return bool(await self._redis.exists(self._keys.process(process)))
