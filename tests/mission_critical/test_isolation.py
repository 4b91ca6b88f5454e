"""Users at once: each has all of his own, in data, in the cache and in events, and nothing of another's."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from test_framework.e2e.auth import AuthClient
from test_framework.e2e.errors import ApiError
from test_framework.e2e.events import EventRecorder
from test_framework.e2e.load import concurrently
from tests.support.users import many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.user import User

pytestmark = [pytest.mark.mission_critical, pytest.mark.staging_safe]

_LEAST = 10
_RUNS = 3


@pytest.fixture(scope="module")
def users(deployment: Deployment, framework_settings: Settings) -> Iterator[list[User]]:
    """As many users as --concurrent-users says, and ten at least; their accounts are deleted afterwards."""
    count = max(_LEAST, framework_settings.levels.concurrent_users)
    with many(deployment, f"isolation-{uuid4().hex[:8]}", count) as made:
        yield made


def test_data_is_the_users_own(users: list[User]) -> None:
    """Each sees the threads and messages that he made, all of them; another's do not exist for him."""

    async def write(index: int) -> str:
        user = users[index]
        thread = await asyncio.to_thread(user.create_thread, f"thread of {user.id}")
        async with await user.connect_async() as socket:
            await socket.run(f"kindred words of {user.id}", thread)
        return thread

    threads = asyncio.run(concurrently(len(users), write))

    async def read(index: int) -> None:
        user, other = users[index], threads[(index + 1) % len(users)]
        own = await asyncio.to_thread(user.threads)
        assert [(t["id"], t["title"]) for t in own] == [(threads[index], f"thread of {user.id}")]
        texts = [m["text"] for m in await asyncio.to_thread(user.messages, threads[index])]
        assert f"kindred words of {user.id}" in texts
        for method, path, body in (
            ("GET", f"/threads/{other}", None),
            ("GET", f"/threads/{other}/messages", None),
            ("PATCH", f"/threads/{other}", {"title": "mine now"}),
            ("DELETE", f"/threads/{other}", None),
        ):
            with pytest.raises(ApiError) as refused:
                await asyncio.to_thread(user.request, method, path, json=body)
            assert refused.value.status == 404, f"{method} {path}"

    asyncio.run(concurrently(len(users), read))


def test_the_agent_finds_the_users_own(users: list[User]) -> None:
    """All say the same words; the search of each finds what he said, and nobody else's."""

    async def search(index: int) -> None:
        user = users[index]
        async with await user.connect_async() as socket:
            await socket.run(f"my parable is number {user.id}")
            _, events = await socket.run("search: parable")
        (completed,) = [event for event in events if event.type == "tool_completed"]
        found = [match["text"] for match in completed.data["result"]["matches"]]
        assert found
        assert all(user.id in text for text in found), found

    asyncio.run(concurrently(len(users), search))


def test_sessions_are_the_users_own(users: list[User], deployment: Deployment) -> None:
    """A token is its user's, and when every other user logs out everywhere, the rest stay logged in."""

    async def mine(index: int) -> str:
        with AuthClient(deployment) as auth:
            told = await asyncio.to_thread(auth.validate, users[index].tokens.access_token)
        assert told["user_id"] == users[index].id
        return str(told["session_id"])

    async def leave(index: int) -> None:
        with AuthClient(deployment) as auth:
            await asyncio.to_thread(auth.logout_all, users[2 * index].tokens.access_token)

    sessions = asyncio.run(concurrently(len(users), mine))
    assert len(set(sessions)) == len(users)
    asyncio.run(concurrently((len(users) + 1) // 2, leave))
    for index, user in enumerate(users):
        with AuthClient(deployment) as auth:
            if index % 2:
                assert auth.validate(user.tokens.access_token)["session_id"] == sessions[index]
                continue
            with pytest.raises(ApiError) as refused:
                auth.validate(user.tokens.access_token)
            assert refused.value.code == "session_ended"
            user.tokens = auth.login(user.email, user.password)


def test_events_are_the_users_own(users: list[User]) -> None:
    """All connected, all asking at the same time: each receives every event of his runs, and none of another's."""
    recorders = [EventRecorder() for _ in users]
    begin = asyncio.Barrier(len(users))

    async def journey(index: int) -> list[str]:
        async with AsyncExitStack() as stack:
            socket = await stack.enter_async_context(await users[index].connect_async(recorder=recorders[index]))
            await begin.wait()
            accepted = [await socket.say(f"calc: {1000 * index + number} + 0") for number in range(_RUNS)]
            for each in accepted:
                await socket.events_of(each.run_id)
            # Whatever was wrongly sent to this user is on its way by now: all have begun together.
            await begin.wait()
            await socket.ping()
        return [each.run_id for each in accepted]

    runs = asyncio.run(concurrently(len(users), journey))
    for index, recorder in enumerate(recorders):
        recorder.check_owner(runs[index])
        recorder.check_sequence()
        recorder.check_ids_unique()
        results = sorted(e.data["result"]["value"] for e in recorder.events if e.type == "tool_completed")
        assert results == [1000 * index + number for number in range(_RUNS)]
