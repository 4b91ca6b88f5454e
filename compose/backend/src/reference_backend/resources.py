"""What one process holds: connections, and the parts that share them. Opened at start, closed at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from reference_backend import cache
from reference_backend.agent.model import DeterministicModel, LanguageModel
from reference_backend.agent.registry import Registry
from reference_backend.agent.run import Parts
from reference_backend.agent.runner import Runner
from reference_backend.agent.tools import Toolbox
from reference_backend.analytics import Analytics
from reference_backend.auth.accounts import Accounts
from reference_backend.auth.codes import Codes
from reference_backend.auth.passwords import Passwords
from reference_backend.auth.sessions import Sessions
from reference_backend.auth.tokens import AccessTokens
from reference_backend.config import Settings
from reference_backend.events.hub import BLOCK_SECONDS, Hub
from reference_backend.events.log import Log
from reference_backend.storage import schema
from reference_backend.storage.database import Database
from reference_backend.websocket.places import Places

__all__ = ["Resources", "opened"]

log = logging.getLogger(__name__)

_MIGRATION_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """The parts by name; each is described where it is made."""

    settings: Settings
    database: Database
    redis: Redis
    passwords: Passwords
    tokens: AccessTokens
    sessions: Sessions
    accounts: Accounts
    codes: Codes
    log: Log
    hub: Hub
    places: Places
    model: LanguageModel
    runner: Runner
    analytics: Analytics


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Resources]:
    """Give all parts, at work. What cannot be reached now is waited for in the background, and the health says so."""
    keys = cache.Keys(settings.redis_prefix)
    redis = cache.connect(settings)
    waiting_redis = cache.connect(settings, waits=BLOCK_SECONDS)
    made = _made(settings, keys, redis, waiting_redis)
    await made.database.open()
    if settings.migrate_on_start:
        first = await _migrated(settings)
    tasks = [asyncio.create_task(part.run()) for part in (made.hub, made.runner, made.analytics)]
    if settings.migrate_on_start and not first:
        tasks.append(asyncio.create_task(_migrate_later(settings)))
    try:
        yield made
    finally:
        # Half of the time is the server's, for its connections.
        await made.runner.close(settings.shutdown_seconds / 2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1)
        await made.analytics.close(1)
        await made.database.close()
        await redis.aclose()
        await waiting_redis.aclose()


def _made(settings: Settings, keys: cache.Keys, redis: Redis, waiting_redis: Redis) -> Resources:
    database = Database(settings)
    passwords = Passwords(settings)
    sessions = Sessions(redis, keys, settings)
    events = Log(redis, keys, settings)
    model = DeterministicModel(settings.model_context_characters)
    analytics = Analytics(settings)
    registry = Registry(redis, keys, settings.run_lease_seconds)
    parts = Parts(database, events, registry, model, Toolbox(settings.tool_timeout_seconds))
    return Resources(
        settings=settings,
        database=database,
        redis=redis,
        passwords=passwords,
        tokens=AccessTokens(settings),
        sessions=sessions,
        accounts=Accounts(database, redis, keys, passwords, settings),
        codes=Codes(redis, keys, sessions, settings),
        log=events,
        hub=Hub(waiting_redis, keys),
        places=Places(redis, keys, settings),
        model=model,
        runner=Runner(parts, analytics, settings.runs_per_user, settings.run_lease_seconds),
        analytics=analytics,
    )


async def _migrated(settings: Settings) -> bool:
    try:
        await asyncio.to_thread(schema.migrate, settings.database_url.get_secret_value())
    except schema.SchemaProblem as problem:
        log.warning("schema not ready", extra={"reason": str(problem)})
        return False
    return True


async def _migrate_later(settings: Settings) -> None:
    done = False
    while not done:
        await asyncio.sleep(_MIGRATION_PAUSE_SECONDS)
        done = await _migrated(settings)
