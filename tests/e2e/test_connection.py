"""Connections: how they begin, how they are kept, how they end, and how they go on where they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.deployment import Deployment
from test_framework.e2e.errors import ConnectionEnded
from test_framework.e2e.events import EVENT_ORDER, EventRecorder
from test_framework.e2e.levels import Measurements
from test_framework.e2e.user import User
from test_framework.e2e.websocket import WebSocketClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.config import Settings
    from test_framework.e2e.transport import Via
    from tests.e2e.conftest import Program

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("via", ["header", "subprotocol", "message"])
def test_a_good_token_opens(user: User, via: Via, framework_settings: Settings) -> None:
    """In each way of bringing it, and in time: the connection is ready, and says whose it is."""
    measured = Measurements()
    with measured.measure("connect"):
        socket = user.connect(via=via)
    with socket:
        assert socket.ready["user_id"] == user.id
        assert len(socket.run("calc: 1 + 1")[1]) == 5
    measured.check(framework_settings.levels, "connect")


@pytest.mark.parametrize("via", ["header", "subprotocol", "message"])
@pytest.mark.parametrize("token", ["rubbish", "a.b.c"])
def test_a_bad_token_does_not(deployment: Deployment, via: Via, token: str) -> None:
    """The close code is 4401, and the reason says what is wrong with it."""
    with pytest.raises(ConnectionEnded) as caught:
        WebSocketClient.connect(deployment, token, via=via)
    assert (caught.value.code, caught.value.reason) == (4401, "token_malformed")


def test_a_token_in_the_url_is_none(deployment: Deployment, user: User) -> None:
    """Addresses end in logs: what is in one is not looked at."""
    url = f"{deployment.websocket_url}?token={user.tokens.access_token}&access_token={user.tokens.access_token}"
    told = Deployment(deployment.backend_url, deployment.auth_url, url, deployment.ca_bundle, deployment.api)
    with WebSocketClient.connect(told) as socket, pytest.raises(ConnectionEnded, match="4401 token_missing"):
        socket.ping()


def test_a_connection_has_to_say_something_in_time(start: Callable[..., Program]) -> None:
    """First its token, and then anything at all; who answers the heartbeat is kept."""
    settings = {"BACKEND_WS_AUTH_SECONDS": "0.3", "BACKEND_WS_PING_SECONDS": "0.2", "BACKEND_WS_IDLE_SECONDS": "3"}
    deployment = start(**settings).deployment
    with User.temporary(deployment) as user:
        with WebSocketClient.connect(deployment) as nobody:
            assert nobody.closed() == 4408
        with user.connect() as kept, user.connect() as silent:
            # Reading is what answers the heartbeat: one of the two reads for longer than the other may be silent.
            accepted = kept.say("timer: 4")
            assert kept.events_of(accepted.run_id)[-1].data["status"] == "completed"
            assert silent.closed() == 4410


def test_rubbish_is_answered_and_too_much_of_it_ends(socket: WebSocketClient) -> None:
    """Each has its code, and the connection goes on; ten in a row are too many."""
    for text, code in [("{", "invalid_json"), ('{"type": "dance"}', "unknown_type"), ("[]", "invalid_message")]:
        socket.send_text(text)
        assert socket.receive()["code"] in {code, "unknown_type"}
    socket.send(type="user_message", id="1", text="hello", colour="blue")
    assert socket.receive()["code"] == "invalid_message"
    assert socket.ping() >= 0
    for _ in range(10):
        socket.send(type="dance")
    assert socket.closed() == 4400


def test_a_message_that_is_too_large_ends(socket: WebSocketClient) -> None:
    """Its length is no secret: `ready` tells the longest."""
    socket.send_text("x" * (socket.ready["max_message_bytes"] + 1))
    assert socket.closed() == 1009


def test_every_connection_of_a_user_gets_his_events(user: User) -> None:
    """Also the one that has not asked; a connection of somebody else gets none of them."""
    with User.temporary(user.deployment) as stranger:
        recorders = [EventRecorder() for _ in range(3)]
        first, second = user.connect(recorder=recorders[0]), user.connect(recorder=recorders[1])
        with first, second, stranger.connect(recorder=recorders[2]) as theirs:
            accepted, events = first.run("calc: 1 + 1")
            assert second.events_of(accepted.run_id) == events
            own, _ = theirs.run("calc: 2 + 2")
        recorders[2].check_owner([own.run_id])


@pytest.mark.parametrize("seen", range(6))
def test_a_dropped_connection_goes_on_where_it_was(user: User, recorder: EventRecorder, seen: int) -> None:
    """Whatever number of events it has had: the next one gets the others, none is lost and none comes twice."""
    with user.connect(recorder=recorder) as socket:
        begin = socket.last_sequence
        accepted = socket.say("timer: 0.2")
        while socket.last_sequence < begin + seen:
            socket.receive()
        socket.drop()
    with user.connect(recorder=recorder) as again:
        resumed = again.resume(socket.last_sequence)
        assert (resumed.complete, resumed.missing) == (True, None)
        if seen < len(EVENT_ORDER):
            assert again.events_of(accepted.run_id)[-1].type == EVENT_ORDER[-1]
        follow, _ = again.run("calc: 1 + 1")
    recorder.check_owner([accepted.run_id, follow.run_id])
    recorder.check_sequence()
    recorder.check_ids_unique()


def test_many_drops_lose_nothing(user: User, recorder: EventRecorder) -> None:
    """A user on a train: each connection lasts for one event, and in the end he has had all of them once."""
    with user.connect(recorder=recorder) as socket:
        runs = [socket.say(text).run_id for text in ("timer: 0.4", "calc: 1 + 1", "search: trains", "fail: tunnel")]
        socket.drop()
    while sum(event.type == EVENT_ORDER[-1] for event in recorder.events) < len(runs):
        after = socket.last_sequence
        with user.connect(recorder=recorder) as socket:
            socket.resume(after)
            while socket.last_sequence == after:
                socket.receive()
            socket.drop()
    recorder.check_owner(runs)
    recorder.check_sequence()
