"""Each of the five events arrives, once and in order, on every path on which a user can ask for and get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.errors import MessageRefused
from test_framework.e2e.events import EVENT_ORDER, EventRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.e2e.user import User

pytestmark = [pytest.mark.mission_critical, pytest.mark.staging_safe]


def asking(text: str, **options: Any) -> Callable[[User, EventRecorder], str]:
    """Return the path of who asks and listens on one connection, which is opened with these options."""

    def path(user: User, recorder: EventRecorder) -> str:
        with user.connect(recorder=recorder, **options) as socket:
            accepted, _ = socket.run(text)
        return accepted.run_id

    return path


def in_a_thread(user: User, recorder: EventRecorder) -> str:
    """The message belongs to a thread that there is."""
    thread = user.create_thread()
    with user.connect(recorder=recorder) as socket:
        accepted, events = socket.run("calc: 6 * 7", thread)
    assert {event.thread_id for event in events} == {accepted.thread_id} == {thread}
    return accepted.run_id


def on_another_connection(user: User, recorder: EventRecorder) -> str:
    """One connection asks, another one of the same user listens."""
    with user.connect() as asking, user.connect(recorder=recorder) as listening:
        accepted = asking.say("calc: 6 * 7")
        listening.events_of(accepted.run_id)
    return accepted.run_id


def after_a_dropped_connection(user: User, recorder: EventRecorder) -> str:
    """The connection is cut in the middle of the run, and a new one asks for the rest."""
    with user.connect(recorder=recorder) as first:
        accepted = first.say("timer: 1")
        while first.last_sequence == first.ready["sequence"]:
            first.receive()
        first.drop()
    with user.connect(recorder=recorder) as second:
        resumed = second.resume(first.last_sequence)
        assert resumed.complete
        second.events_of(accepted.run_id)
    return accepted.run_id


def while_nobody_listened(user: User, recorder: EventRecorder) -> str:
    """The connection is cut at once; the run goes on, and a later connection gets all of it."""
    with user.connect() as first:
        before = first.ready["sequence"]
        accepted = first.say("timer: 0.3")
        first.drop()
    with user.connect() as watching:
        watching.resume(before)
        watching.events_of(accepted.run_id)
    with user.connect(recorder=recorder) as late:
        late.resume(before)
        late.events_of(accepted.run_id)
    return accepted.run_id


def sent_twice(user: User, recorder: EventRecorder) -> str:
    """The message comes again, as after a lost answer: it is the same run."""
    with user.connect(recorder=recorder) as socket:
        accepted = socket.say("calc: 6 * 7", id="5f5f0a52-1df6-4f54-8a6e-3c0d8bb0f4d4")
        again = socket.say("calc: 6 * 7", id="5f5f0a52-1df6-4f54-8a6e-3c0d8bb0f4d4")
        assert (again.run_id, again.duplicate) == (accepted.run_id, True)
        socket.events_of(accepted.run_id)
    return accepted.run_id


def with_a_newer_token(user: User, recorder: EventRecorder) -> str:
    """The token was refreshed, and the open connection told so."""
    with user.connect(recorder=recorder) as socket:
        socket.authenticate(user.refresh().access_token)
        accepted, _ = socket.run("calc: 6 * 7")
    return accepted.run_id


PATHS = {
    "straight": asking("calc: 6 * 7"),
    "by a tool that reads the user's data": asking("search: anything"),
    "with a tool that fails": asking("fail: out of order"),
    "with a tool that fails for good": asking("fail: fatal"),
    "with the token in the first message": asking("calc: 6 * 7", via="message"),
    "with the token as subprotocol": asking("calc: 6 * 7", via="subprotocol"),
    "with a newer token": with_a_newer_token,
    "in a thread": in_a_thread,
    "on another connection": on_another_connection,
    "after a dropped connection": after_a_dropped_connection,
    "while nobody listened": while_nobody_listened,
    "sent twice": sent_twice,
}


@pytest.mark.parametrize("path", PATHS)
def test_the_five_events_arrive(user: User, recorder: EventRecorder, path: str) -> None:
    """All five and nothing else, in order, by the schema, without a gap or a repetition, with ids of their own."""
    run_id = PATHS[path](user, recorder)
    recorder.check_order(run_id)
    recorder.check_owner([run_id])
    recorder.check_schema()
    recorder.check_sequence()
    recorder.check_ids_unique()
    times = [event.time for event in recorder.events]
    assert times == sorted(times)


def test_runs_that_overlap_are_told_apart(user: User, recorder: EventRecorder) -> None:
    """Three runs at once on one connection: each has its five events in order, and its own result."""
    texts = {"timer: 0.3": "seconds", "calc: 2 + 2": "value", "search: kindred": "matches"}
    with user.connect(recorder=recorder) as socket:
        runs = {text: socket.say(text).run_id for text in texts}
        for run_id in runs.values():
            socket.events_of(run_id)
    recorder.check_owner(runs.values())
    recorder.check_sequence()
    for text, key in texts.items():
        (completed,) = [event for event in recorder.of_run(runs[text]) if event.type == "tool_completed"]
        result: dict[str, Any] = completed.data["result"]
        assert key in result, text


@pytest.mark.parametrize("refused", ["", "x" * 8001, "a\x00b"], ids=["empty", "too long", "a null character"])
def test_a_message_that_is_refused_begins_no_run(user: User, recorder: EventRecorder, refused: str) -> None:
    """It is an error at once, and the next message has its five events."""
    with user.connect(recorder=recorder) as socket:
        with pytest.raises(MessageRefused):
            socket.say(refused)
        accepted, events = socket.run("calc: 6 * 7")
    assert tuple(event.type for event in events) == EVENT_ORDER
    recorder.check_owner([accepted.run_id])
