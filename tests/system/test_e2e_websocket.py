"""The clients of the WebSocket on a real backend, the one for threads and the one for asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from test_framework.e2e.cases import AsyncWebSocketTestCase, WebSocketTestCase
from test_framework.e2e.deployment import Deployment
from test_framework.e2e.errors import ConnectionEnded, HandshakeRefused, MessageRefused
from test_framework.e2e.events import EVENT_ORDER, EventRecorder
from test_framework.e2e.user import User
from test_framework.e2e.waiting import NotInTime
from test_framework.e2e.websocket import WebSocketClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def deployment(backend: Endpoint, framework_settings: Settings) -> Deployment:
    """Where the backend is."""
    return Deployment.of(backend, os.environ, api=framework_settings.e2e)


@pytest.fixture(scope="module")
def user(deployment: Deployment) -> Iterator[User]:
    """Somebody whom the tests of this module share; each has connections of its own."""
    with User.temporary(deployment, "websocket") as user:
        yield user


class Blocking:
    """The client for asyncio, called as the one for threads is: each call runs the loop until it is over."""

    def __init__(self, runner: asyncio.Runner, client: Any) -> None:
        self._runner = runner
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not asyncio.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self._runner.run(found(*args, **kwargs))


@pytest.fixture(params=["threads", "asyncio"])
def connect(request: pytest.FixtureRequest, user: User) -> Iterator[Connect]:
    """What makes a connection of the user, closed after the test; of either kind, so that each test shows both."""
    with asyncio.Runner() as runner, ExitStack() as stack:

        def threads(**options: Any) -> WebSocketClient:
            return stack.enter_context(user.connect(**options))

        def loop(**options: Any) -> Blocking:
            client = Blocking(runner, runner.run(user.connect_async(**options)))
            stack.callback(client.close)
            return client

        yield {"threads": threads, "asyncio": loop}[request.param]


@pytest.mark.parametrize("via", ["header", "subprotocol", "message"])
def test_the_token_is_brought_in_each_way(connect: Connect, user: User, via: str) -> None:
    """The connection is ready, and of this user."""
    socket = connect(via=via)
    assert socket.ready["user_id"] == user.id
    assert socket.last_sequence == socket.ready["sequence"]
    assert socket.ping() < 10


def test_a_run_tells_all_of_its_events(connect: Connect, deployment: Deployment) -> None:
    """The five in order, recorded as they came, and each as the schema of the backend says."""
    schema = httpx.get(f"{deployment.backend_url}/schemas/events.json", trust_env=False).json()
    recorder = EventRecorder(schema)
    socket = connect(recorder=recorder)
    accepted, events = socket.run("What is 6 * 7?")
    assert [event.type for event in events] == list(EVENT_ORDER)
    assert events == recorder.of_run(accepted.run_id)
    assert socket.last_sequence == events[-1].sequence
    assert all(accepted.sent < event.received for event in events)
    recorder.check_order(accepted.run_id)
    recorder.check_schema()
    recorder.check_sequence()
    recorder.check_ids_unique()
    recorder.check_owner([accepted.run_id])


def test_runs_overlap_on_one_connection(connect: Connect) -> None:
    """What one method reads and does not want waits for the next."""
    socket = connect()
    slow, quick = socket.say("timer: 0.3"), socket.say("calc: 1 + 1")
    assert socket.events_of(quick.run_id)[-1].data["text"] == "1 + 1 = 2"
    assert [event.type for event in socket.events_of(slow.run_id)] == list(EVENT_ORDER)


def test_a_message_that_is_sent_again_finds_its_run(connect: Connect) -> None:
    """The same id is no second message."""
    socket = connect()
    first, _ = socket.run("calc: 1 + 1", id=f"once {id(socket)}")
    again = socket.say("calc: 1 + 1", id=f"once {id(socket)}")
    assert (again.run_id, again.thread_id, again.duplicate) == (first.run_id, first.thread_id, True)


def test_what_was_missed_comes_after_a_drop(connect: Connect) -> None:
    """The run goes on without us; the new connection brings exactly the rest."""
    recorder = EventRecorder()
    socket = connect(recorder=recorder)
    accepted = socket.say("timer: 0.3")
    while socket.receive()["type"] != "tool_executing":
        pass
    socket.drop()
    assert socket.closed() == 1006
    after = socket.last_sequence
    again = connect(recorder=recorder)
    resumed = again.resume(after)
    assert (resumed.complete, resumed.missing) == (True, None)
    assert again.events_of(accepted.run_id)[-1].type == "agent_completed"
    recorder.check_owner([accepted.run_id])
    recorder.check_sequence()


def test_an_error_is_raised_and_the_connection_goes_on(connect: Connect) -> None:
    """Errors that answer a call are raised by it; those that answer anything else are messages."""
    socket = connect()
    with pytest.raises(MessageRefused, match="thread_not_found"):
        socket.say("hello", "00000000-0000-0000-0000-000000000000")
    with pytest.raises(MessageRefused, match="resume_ahead"):
        socket.resume(socket.last_sequence + 1_000_000)
    socket.send(type="nonsense")
    assert socket.receive()["code"] == "unknown_type"
    socket.send_text("{")
    assert socket.receive()["code"] == "invalid_json"
    assert socket.run("calc: 2 * 3")[1][-1].data["status"] == "completed"


def test_a_newer_token_takes_the_place_of_the_old_one(connect: Connect, user: User) -> None:
    """The connection goes on with the token that was refreshed."""
    socket = connect()
    socket.authenticate(user.refresh().access_token)
    assert socket.ping() < 10


@pytest.mark.parametrize("via", ["header", "subprotocol", "message"])
def test_a_bad_token_ends_the_connection(deployment: Deployment, via: Any) -> None:
    """The error has the close code, and the reason that the server gives."""
    with pytest.raises(ConnectionEnded, match="4401 token_malformed") as caught:
        WebSocketClient.connect(deployment, "bad", via=via)
    assert (caught.value.code, caught.value.reason) == (4401, "token_malformed")


def test_nothing_waits_for_ever(connect: Connect) -> None:
    """What does not come is an error that says what was waited for, and what came in its place."""
    socket = connect()
    socket.send(type="nonsense")
    with pytest.raises(NotInTime, match=r"run none has ended, after no event; .*: error"):
        socket.events_of("none", 0.2)
    with pytest.raises(NotInTime, match=r"the connection has ended"):
        socket.closed(0.05)


def test_a_connection_without_a_token_is_open_and_not_ready(deployment: Deployment) -> None:
    """It says so when it is asked, and becomes ready by `authenticate` only."""
    with WebSocketClient.connect(deployment) as socket:
        with pytest.raises(RuntimeError, match="not ready"):
            _ = socket.ready
        with pytest.raises(ConnectionEnded, match="4401 token_missing"):
            socket.ping()


def test_what_speaks_no_websocket_refuses_the_handshake(deployment: Deployment) -> None:
    """The status is told, with the code of the backend's error."""
    elsewhere = Deployment(
        deployment.backend_url, deployment.auth_url, deployment.websocket_url + "/nowhere", api=deployment.api
    )
    with pytest.raises(HandshakeRefused) as caught:
        WebSocketClient.connect(elsewhere)
    assert caught.value.status == 403
    assert caught.value.code == "http_403"


class TestClasses(WebSocketTestCase):
    """The base class gives a user and connections of him."""

    def test_a_run(self) -> None:
        """A connection is made by `connect`, and its user is ours."""
        socket = self.connect()
        assert socket.ready["user_id"] == self.user.id
        assert len(socket.run("calc: 1 + 1")[1]) == 5


class TestAsyncClasses(AsyncWebSocketTestCase):
    """The base class gives a user and connections of him."""

    async def test_a_run(self) -> None:
        """A connection is made by `await connect`, and its user is ours."""
        socket = await self.connect()
        assert socket.ready["user_id"] == self.user.id
        assert len((await socket.run("calc: 1 + 1"))[1]) == 5
