"""How the backend serves 10, 50 and 200 users at once: `python tests/performance/users_at_once.py [USERS ...]`.

All connect at the same time; when all are connected, each sends a message and waits for the end of its run. Times are
those of the clients, which run in one other process on the same machine: they count in.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from test_framework.config import load
from test_framework.e2e.deployment import Deployment
from test_framework.e2e.levels import Measurements
from test_framework.e2e.load import concurrently
from test_framework.e2e.memory import MemoryWatch
from test_framework.e2e.user import User
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import Want

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
MAKE_AT_ONCE = 8


async def measure(users: list[User], memory: MemoryWatch) -> tuple[Measurements, float]:
    """Let all users have a run at once; return the times, and the memory in megabytes that each connection took."""
    measured, begin = Measurements(), asyncio.Barrier(len(users))
    idle = memory.sample()
    took: list[float] = []

    async def journey(index: int) -> None:
        async with AsyncExitStack() as stack:
            await begin.wait()
            with measured.measure("connect"):
                socket = await stack.enter_async_context(await users[index].connect_async(seconds=SECONDS))
            if await begin.wait() == 0:
                took.append(memory.sample() - idle)
            await begin.wait()
            accepted, events = await socket.run("calc: 6 * 7", seconds=SECONDS)
            measured.add_run(accepted.sent, events)

    await concurrently(len(users), journey, seconds=SECONDS)
    return measured, took[0] / len(users)


async def serve(count: int, deployment: Deployment, memory: MemoryWatch) -> None:
    """Measure so many users, who are new and are deleted afterwards, and print what came of it."""
    users = await concurrently(
        count, lambda _: asyncio.to_thread(User.new, deployment, "performance"), at_once=MAKE_AT_ONCE
    )
    try:
        measured, each = await measure(users, memory)
        print(f"\n{count} users, {each:.3f} MB for each connection\n{measured.table()}")
    finally:
        await concurrently(count, lambda index: asyncio.to_thread(users[index].forget), at_once=MAKE_AT_ONCE)
        for user in users:
            user.close()


async def main(counts: list[int]) -> None:
    """Measure each number of users in turn, on one backend."""
    settings = load(ROOT)
    client = connect(settings, {}, uuid4().hex, lambda text: print(text, file=sys.stderr))
    try:
        resolution = client.resolve(Want.of("backend", settings, "performance"))
        if resolution.endpoint is None:
            sys.exit(f"there is no backend: {resolution.reason}")
        deployment = Deployment.of(resolution.endpoint, {})
        memory = MemoryWatch.of(resolution.endpoint.url)
        print(f"backend {resolution.endpoint.version} on {resolution.endpoint.provider}")
        for count in counts:
            await serve(count, deployment, memory)
    finally:
        client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("users", nargs="*", type=int, default=[10, 50, 200], help="users at once (10 50 200)")
    asyncio.run(main(parser.parse_args().users))
