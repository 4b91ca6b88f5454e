"""Redis: the client, and the names of all keys in one place."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from reference_backend.config import Settings

__all__ = ["Keys", "connect"]

_RETRIES = 2
_CONNECT_SECONDS = 1.0


class Keys:
    """Names of keys, all below one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @property
    def wake(self) -> str:
        """Stream that tells every process what is new: events of a user, a session that has ended."""
        return f"{self._prefix}wake"

    @property
    def active(self) -> str:
        """Hash of all runs that are not over."""
        return f"{self._prefix}runs"

    def process(self, process: object) -> str:
        """Whether a process of ours lives; expires soon after it."""
        return f"{self._prefix}process:{process}"

    def claim(self, run: object) -> str:
        """Who ends a run whose process is gone."""
        return f"{self._prefix}claim:{run}"

    def steps(self, run: object) -> str:
        """Hash of the events that the run has had, with their sequence."""
        return f"{self._prefix}steps:{run}"

    def session(self, session: object) -> str:
        """Hash of a session."""
        return f"{self._prefix}session:{session}"

    def used(self, session: object) -> str:
        """List of the hashes of the session's old refresh tokens."""
        return f"{self._prefix}used:{session}"

    def sessions_of(self, user: object) -> str:
        """Sorted set of the user's sessions, by the time at which each ends in any case."""
        return f"{self._prefix}sessions:{user}"

    def failures(self, account: str) -> str:
        """Count of wrong passwords."""
        return f"{self._prefix}failures:{account}"

    def code(self, digest: str) -> str:
        """An authorization code."""
        return f"{self._prefix}code:{digest}"

    def redeemed(self, digest: str) -> str:
        """The session that a code has become."""
        return f"{self._prefix}redeemed:{digest}"

    def stream(self, user: object) -> str:
        """Stream of the user's events."""
        return f"{self._prefix}events:{user}"

    def counter(self, user: object) -> str:
        """Hash with the first and last sequence of the user's events."""
        return f"{self._prefix}sequence:{user}"

    def connections(self, user: object) -> str:
        """Sorted set of the user's connections, by the time at which each is taken to be gone."""
        return f"{self._prefix}connections:{user}"


class _Client(Redis):
    """Heeds a cancellation that came while a command was being sent.

    The library sends by `asyncio.wait_for`, which on Python 3.11 loses one that comes as the sending ends; a task that
    loops would then never end.
    """

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """See `Redis`."""
        execute: Any = super().execute_command
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        answer = await execute(*args, **options)
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
        return answer


def connect(settings: Settings, *, waits: float = 0) -> Redis:
    """Return a client; what does not answer in time is a `redis.RedisError`.

    A command is sent again when its connection breaks, so each one must bear being carried out twice.

    Args:
        settings: Where, how many connections and how long.
        waits: How long a command may wait on purpose, for a client of such commands.
    """
    return _Client.from_pool(
        BlockingConnectionPool.from_url(
            settings.redis_url.get_secret_value(),
            max_connections=settings.redis_pool_size,
            timeout=settings.redis_timeout_seconds,
            socket_timeout=settings.redis_timeout_seconds + waits,
            socket_connect_timeout=min(_CONNECT_SECONDS, settings.redis_timeout_seconds),
            health_check_interval=30,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), _RETRIES),
            decode_responses=True,
            # The form of some answers depends on it.
            protocol=2,
        )
    )
