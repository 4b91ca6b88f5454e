"""How the backend serves many users at once.

All connect at the same time; when all are connected, each sends a message and waits for the end of its run. Times are
those of the clients, which run in one other process on the same machine: they count in.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from test_framework.config import load
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest
from tests.performance.bench import Bench, Options, installed
from tests.performance.findings import Absent, Findings, Table
from tests.performance.measuring import Samples, say

if TYPE_CHECKING:
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.levels import Measurements
    from test_framework.e2e.memory import MemoryWatch
    from test_framework.e2e.user import User

__all__ = ["measure"]

_ROOT = Path(__file__).parents[3]
_SECONDS = 120.0
_MAKE_AT_ONCE = 8
_USERS, _QUICK_USERS = (10, 50, 200), (10,)


def measure(_: Bench, options: Options) -> Findings:
    """Measure each number of users in turn, on one backend, which the settings of this project name."""
    part = "users_at_once"
    if why := installed("httpx") or installed("websockets"):
        return Findings(part, (), (), (Absent("backend", why),))
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.memory import MemoryWatch

    settings = load(_ROOT)
    with closing(connect(settings, {}, uuid4().hex, say)) as client:
        resolution = client.resolve(ServiceRequest.of("backend", settings, "performance"))
        if resolution.endpoint is None:
            return Findings(part, (), (), (Absent("backend", str(resolution.reason)),))
        deployment = Deployment.of(resolution.endpoint, {}, api=settings.e2e)
        memory = MemoryWatch.of(resolution.endpoint.url)
        tables: list[Table] = []
        each: Samples = {}
        for count in _QUICK_USERS if options.quick else _USERS:
            say(f"{count} users")
            samples, each[f"{count} users"] = asyncio.run(_serve(count, deployment, memory))
            where = f"backend {resolution.endpoint.version} on {resolution.endpoint.provider}"
            tables.append(Table(f"{count} users at once, {where}", "ms", samples))
    tables.append(Table("memory of the backend for each connection", "MB", each))
    return Findings(part, tuple(tables))


async def _serve(count: int, deployment: Deployment, memory: MemoryWatch) -> tuple[Samples, list[float]]:
    """Measure so many users, who are new and are deleted afterwards."""
    from test_framework.e2e.load import concurrently
    from test_framework.e2e.user import User

    users = await concurrently(
        count, lambda _: asyncio.to_thread(User.new, deployment, "performance"), at_once=_MAKE_AT_ONCE
    )
    try:
        measured, each = await _journeys(users, memory)
        samples = {name: [1000 * seconds for seconds in found] for name, found in measured._all().items()}
        return samples, [each]
    finally:
        await concurrently(count, lambda index: asyncio.to_thread(users[index].forget), at_once=_MAKE_AT_ONCE)
        for user in users:
            user.close()


async def _journeys(users: list[User], memory: MemoryWatch) -> tuple[Measurements, float]:
    """Let all users have a run at once; return the times, and the memory in megabytes that each connection took."""
    from test_framework.e2e.levels import Measurements
    from test_framework.e2e.load import concurrently

    measured, begin = Measurements(), asyncio.Barrier(len(users))
    idle = memory.sample()
    took: list[float] = []

    async def journey(index: int) -> None:
        async with AsyncExitStack() as stack:
            await begin.wait()
            with measured.measure("connect"):
                socket = await stack.enter_async_context(await users[index].connect_async(seconds=_SECONDS))
            if await begin.wait() == 0:
                took.append(memory.sample() - idle)
            await begin.wait()
            accepted, events = await socket.run("calc: 6 * 7", seconds=_SECONDS)
            measured.add_run(accepted.sent, events)

    await concurrently(len(users), journey, seconds=_SECONDS)
    return measured, took[0] / len(users)
