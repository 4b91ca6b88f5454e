"""What goes wrong is told, ends nothing but itself, and the next message is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.errors import ApiError, MessageRefused
from test_framework.e2e.events import EVENT_ORDER
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.websocket import WebSocketClient
    from tests.e2e.conftest import Program

pytestmark = pytest.mark.e2e


def is_well(socket: WebSocketClient) -> bool:
    """Say whether a message on the connection is answered."""
    return bool(socket.run("calc: 6 * 7")[1][-1].data["text"] == "6 * 7 = 42")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fail: the printer is on fire", "failed_on_demand"),
        ("calc: 1 / 0", "bad_expression"),
        ("timer: soon", "bad_number"),
    ],
)
def test_a_tool_fails_and_the_agent_recovers(
    user: User, socket: WebSocketClient, recorder: EventRecorder, text: str, code: str
) -> None:
    """All five events come, the fourth with the error, and the last with an answer in spite of it."""
    accepted, events = socket.run(text)
    recorder.check_order(accepted.run_id)
    recorder.check_schema()
    completed, finished = events[3].data, events[4].data
    assert (completed["ok"], completed["result"], completed["error"]["code"]) == (False, None, code)
    assert (finished["status"], finished["error"]["code"]) == ("recovered", code)
    assert finished["text"] == user.messages(accepted.thread_id)[0]["text"]
    assert completed["error"]["message"] in finished["text"]
    assert is_well(socket)


def test_a_fatal_error_ends_the_run(user: User, socket: WebSocketClient, recorder: EventRecorder) -> None:
    """All five events come; there is no answer, and the run says so for good."""
    accepted, events = socket.run("fail: fatal")
    recorder.check_order(accepted.run_id)
    recorder.check_schema()
    finished = events[4].data
    assert (finished["status"], finished["text"], finished["message_id"]) == ("failed", None, None)
    assert finished["error"]["code"] == "failed_on_demand"
    assert [message["role"] for message in user.messages(accepted.thread_id)] == ["user"]
    assert user.request("GET", f"/runs/{accepted.run_id}").json()["status"] == "failed"
    assert is_well(socket)


def test_a_model_that_refuses_ends_the_run(socket: WebSocketClient, recorder: EventRecorder) -> None:
    """There is nothing to think and to do, so only the first event and the last come."""
    accepted, events = socket.run("word " * 1500)
    recorder.check_order(accepted.run_id, (EVENT_ORDER[0], EVENT_ORDER[-1]))
    recorder.check_schema()
    assert (events[1].data["status"], events[1].data["error"]["code"]) == ("failed", "context_length_exceeded")
    assert is_well(socket)


def test_a_tool_that_hangs_is_cut_off(start: Callable[..., Program]) -> None:
    """After its time the tool has failed, like any other that fails."""
    deployment = start(BACKEND_TOOL_TIMEOUT_SECONDS="0.3").deployment
    with User.temporary(deployment) as user, user.connect() as socket:
        _, events = socket.run("timer: 30")
        assert tuple(event.type for event in events) == EVENT_ORDER
        assert events[3].data["error"]["code"] == "tool_timeout"
        assert events[4].data["status"] == "recovered"
        assert is_well(socket)


def test_messages_that_cannot_be_taken(user: User, socket: WebSocketClient, recorder: EventRecorder) -> None:
    """Each has its code, begins no run, and ends nothing."""
    with User.temporary(user.deployment) as stranger:
        theirs = stranger.create_thread()
        first, _ = socket.run("calc: 1 + 1", id="once")
        attempts: dict[str, Callable[[], object]] = {
            "thread_not_found": lambda: socket.say("hello", theirs),
            "id_conflict": lambda: socket.say("something else", id="once"),
            "text_too_long": lambda: socket.say("x" * (socket.ready["max_text_characters"] + 1)),
            "invalid_message": lambda: socket.say(""),
            "resume_ahead": lambda: socket.resume(socket.last_sequence + 1),
        }
        for code, attempt in attempts.items():
            with pytest.raises(MessageRefused) as caught:
                attempt()
            assert caught.value.code == code
        assert stranger.messages(theirs) == []
    last, _ = socket.run("calc: 2 + 2")
    recorder.check_owner([first.run_id, last.run_id])
    recorder.check_sequence()


def test_too_many_runs_at_once(start: Callable[..., Program]) -> None:
    """One too many is refused, those before it go on, and afterwards there is room again."""
    deployment = start(BACKEND_RUNS_PER_USER="2").deployment
    with User.temporary(deployment) as user, user.connect() as socket:
        runs = [socket.say("timer: 3").run_id for _ in range(2)]
        with pytest.raises(MessageRefused, match="too_many_runs"):
            socket.say("calc: 1 + 1")
        for run_id in runs:
            assert socket.events_of(run_id)[-1].data["status"] == "completed"
        assert is_well(socket)


@pytest.mark.parametrize(
    ("method", "path", "body", "refusal"),
    [
        ("GET", "/threads/00000000-0000-0000-0000-000000000000", None, (404, "not_found")),
        ("GET", "/threads/no-uuid", None, (422, "invalid_request")),
        ("GET", "/threads?cursor=rubbish", None, (422, "bad_cursor")),
        ("POST", "/threads", {"title": ""}, (422, "invalid_request")),
        ("POST", "/threads", {"title": "x", "owner": "me"}, (422, "invalid_request")),
        ("GET", "/nowhere", None, (404, "not_found")),
        ("PUT", "/threads", {"title": "x"}, (405, "method_not_allowed")),
    ],
)
def test_requests_that_cannot_be_served(
    user: User, method: str, path: str, body: object, refusal: tuple[int, str]
) -> None:
    """Each is answered with its status, a code, and an id by which the log can be searched."""
    with pytest.raises(ApiError) as caught:
        user.request(method, path, json=body)
    assert (caught.value.status, caught.value.code) == refusal
    assert caught.value.request_id
    assert user.threads() == []
