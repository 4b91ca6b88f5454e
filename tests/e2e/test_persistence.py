"""What a backend has taken stays, though it is stopped or killed: the next one goes on where it was."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.auth import AuthClient
from test_framework.e2e.events import EVENT_ORDER, EventRecorder
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Program

pytestmark = pytest.mark.e2e


def moved(user: User, program: Program) -> User:
    """Return the same user, with the same tokens, at another process of the backend."""
    return User(program.deployment, user.id, user.email, user.password, user.tokens)


def test_everything_is_there_after_a_restart(start: Callable[..., Program]) -> None:
    """Account, session, threads, messages, runs and events; the connection is told of the restart."""
    program = start()
    recorder = EventRecorder()
    with User.new(program.deployment) as user:
        thread = user.create_thread("before")
        with user.connect(recorder=recorder) as socket:
            accepted, _ = socket.run("calc: 6 * 7", thread)
            before = socket.ready["sequence"]
            messages, threads = user.messages(thread), user.threads()
            assert len(messages) == 2
            assert program.end() == 0
            assert socket.closed() == 1012
    with moved(user, start()) as again:
        assert again.threads() == threads
        assert again.messages(thread) == messages
        assert again.request("GET", f"/runs/{accepted.run_id}").json()["status"] == "completed"
        with again.connect() as socket:
            assert socket.last_sequence == recorder.events[-1].sequence
            socket.resume(before)
            assert socket.events_of(accepted.run_id) == recorder.events
            assert socket.run("search: calc", thread)[1][0].sequence == recorder.events[-1].sequence + 1
        assert again.refresh() != user.tokens
    with User.login(again.deployment, user.email, user.password) as later:
        assert later.id == user.id


def test_what_has_ended_stays_ended(start: Callable[..., Program]) -> None:
    """A session that was logged out and an account that was deleted do not come back."""
    program = start()
    with User.new(program.deployment) as leaving, User.new(program.deployment) as gone:
        with AuthClient(program.deployment) as auth:
            auth.logout(leaving.tokens.access_token)
        gone.delete()
    assert program.end() == 0
    again = start().deployment
    with AuthClient(again) as auth:
        for user, code in ((leaving, "session_ended"), (gone, "session_ended")):
            with pytest.raises(Exception, match=f"401 {code}"):
                auth.validate(user.tokens.access_token)
        with pytest.raises(Exception, match="401 wrong_credentials"):
            auth.login(gone.email, gone.password)
        assert auth.validate(auth.login(leaving.email, leaving.password).access_token)["user_id"] == leaving.id


def test_a_run_that_was_under_way_comes_to_an_end(start: Callable[..., Program]) -> None:
    """The process is killed in the middle of it: another one ends the run, and the user has all of its events."""
    lease = {"BACKEND_RUN_LEASE_SECONDS": "1"}
    program = start(**lease)
    recorder = EventRecorder()
    with User.new(program.deployment) as user, user.connect(recorder=recorder) as socket:
        accepted = socket.say("timer: 15")
        while not recorder.events or recorder.events[-1].type != "tool_executing":
            socket.receive()
        program.end(signal.SIGKILL)
        assert socket.closed() == 1006
    with moved(user, start(**lease)) as again, again.connect(recorder=recorder) as socket:
        socket.resume(recorder.events[-1].sequence)
        finished = socket.events_of(accepted.run_id)[-1]
        assert (finished.data["status"], finished.data["error"]["code"]) == ("failed", "interrupted")
        assert again.request("GET", f"/runs/{accepted.run_id}").json()["status"] == "failed"
        assert socket.run("calc: 6 * 7")[1][-1].data["status"] == "completed"
    recorder.check_order(accepted.run_id, [kind for kind in EVENT_ORDER if kind != "tool_completed"])
    recorder.check_sequence()


def test_two_processes_are_one_backend(start: Callable[..., Program]) -> None:
    """What one does, the other's users see: sessions, data, events, and the end of a session."""
    one, two = start(), start()
    recorder = EventRecorder()
    with User.new(one.deployment) as user, moved(user, two) as there, there.connect(recorder=recorder) as listening:
        with user.connect() as asking:
            accepted, events = asking.run("calc: 6 * 7")
        assert [replace(event, received=0) for event in listening.events_of(accepted.run_id)] == [
            replace(event, received=0) for event in events
        ]
        assert there.messages(accepted.thread_id) == user.messages(accepted.thread_id)
        recorder.check_owner([accepted.run_id])
        with AuthClient(one.deployment) as auth:
            auth.logout(user.tokens.access_token)
        assert listening.closed() == 4401
