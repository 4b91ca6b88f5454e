"""An agent at work: its five events, what they say, and what a new user sees of the very first message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from test_framework.e2e.events import EVENT_ORDER
from test_framework.e2e.levels import Measurements

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.user import User
    from test_framework.e2e.websocket import WebSocketClient

pytestmark = pytest.mark.e2e

_CLOCKS_APART = timedelta(minutes=5)


def test_the_first_message(
    user: User, socket: WebSocketClient, recorder: EventRecorder, framework_settings: Settings
) -> None:
    """A new user has no thread, says something, and gets a thread, five events in time, and an answer that stays."""
    assert user.threads() == []
    accepted, events = socket.run("What is 6 * 7?")
    assert not accepted.duplicate
    recorder.check_order(accepted.run_id)
    recorder.check_schema()
    recorder.check_sequence()
    recorder.check_ids_unique()
    measured = Measurements()
    measured.add_run(accepted.sent, events)
    measured.check(framework_settings.levels, "first_event", "tool_result", "event_latency")
    (thread,) = user.threads()
    assert thread["id"] == accepted.thread_id
    answer, question = user.messages(thread["id"])
    assert (question["role"], question["text"]) == ("user", "What is 6 * 7?")
    assert (answer["role"], answer["text"]) == ("assistant", "6 * 7 = 42")
    assert user.request("GET", f"/runs/{accepted.run_id}").json()["status"] == "completed"


def test_each_event_says_what_it_is_about(user: User, socket: WebSocketClient) -> None:
    """Ids that fit together, times that go on, and the data of each of the five."""
    thread = user.create_thread()
    accepted, events = socket.run("calc: 6 * 7", thread)
    started, thinking, executing, completed, finished = events
    assert {event.run_id for event in events} == {accepted.run_id}
    assert {event.thread_id for event in events} == {thread}
    assert all(UUID(event.id) for event in events)
    times = [event.time for event in events]
    assert times == sorted(times)
    assert all(abs(time - datetime.now(UTC)) < _CLOCKS_APART for time in times)
    answer, question = user.messages(thread)
    assert started.data["message_id"] == question["id"]
    assert thinking.data["tool"] == executing.data["tool"] == completed.data["tool"] == "calculator"
    assert executing.data["call_id"] == completed.data["call_id"]
    assert executing.data["arguments"] == {"expression": "6 * 7"}
    assert (completed.data["ok"], completed.data["result"], completed.data["error"]) == (True, {"value": 42}, None)
    assert (finished.data["status"], finished.data["error"]) == ("completed", None)
    assert (finished.data["message_id"], finished.data["text"]) == (answer["id"], answer["text"])


@pytest.mark.parametrize(
    ("text", "tool", "result"),
    [
        ("calc: (1 + 2) * 3", "calculator", {"value": 9}),
        ("timer: 0.1", "timer", {"seconds": 0.1}),
        ("search: kindred", "thread_search", {"matches": []}),
        ("Have we spoken of kindred?", "thread_search", {"matches": []}),
        ("What is 2 + 2?", "calculator", {"value": 4}),
    ],
)
def test_each_tool_has_its_result(socket: WebSocketClient, text: str, tool: str, result: object) -> None:
    """Whether the message names the tool, or the model has to find out."""
    completed = socket.run(text)[1][3]
    assert (completed.data["tool"], completed.data["result"]) == (tool, result)


def test_a_slow_tool_delays_no_event(
    socket: WebSocketClient, recorder: EventRecorder, framework_settings: Settings
) -> None:
    """What happened before the tool is told before it has ended; and its own time is no latency."""
    measured, apart = Measurements(), []
    for _ in range(4):
        accepted, events = socket.run("timer: 0.5")
        executing, completed = events[2:4]
        # A little less than was asked for: the clock of uvloop's timers is a coarse one.
        assert completed.time - executing.time > timedelta(seconds=0.45)
        apart.append(completed.received - executing.received)
        measured.add_run(accepted.sent, events)
        recorder.check_order(accepted.run_id)
    # In the best case, since a machine that is busy may hand over two at once.
    assert max(apart) > 0.25
    measured.check(framework_settings.levels, "event_latency")


def test_the_agent_remembers(socket: WebSocketClient) -> None:
    """What was said in one run is found by a later one, in another thread."""
    before, _ = socket.run("My cat is called Parable.")
    _, events = socket.run("search: parable")
    (match,) = events[3].data["result"]["matches"]
    assert (match["thread_id"], match["text"]) == (before.thread_id, "My cat is called Parable.")
    assert "Parable" in events[4].data["text"]


def test_runs_follow_each_other_in_one_thread(user: User, socket: WebSocketClient, recorder: EventRecorder) -> None:
    """Each has its five events, all sequences are one row, and the thread has all that was said."""
    thread = user.create_thread("sums")
    runs = [socket.run(f"calc: {number} + 1", thread)[0].run_id for number in range(5)]
    recorder.check_owner(runs)
    recorder.check_sequence()
    assert len(recorder.events) == 5 * len(EVENT_ORDER)
    answers = [message["text"] for message in user.messages(thread) if message["role"] == "assistant"]
    assert answers == [f"{number} + 1 = {number + 1}" for number in reversed(range(5))]
