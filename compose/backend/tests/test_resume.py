"""Connections that drop, and come back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from harness.clients import FIVE, Person, Socket
from harness.servers import Start, Threaded, wait_until
from redis import Redis


def sequences(messages: list[dict[str, Any]]) -> list[int]:
    """Return the sequences of the events among the messages."""
    return [message["sequence"] for message in messages if message["type"] in FIVE]


def drop(socket: Socket) -> None:
    """Cut the connection as a tunnel does: without a word."""
    socket.connection.socket.close()


def resumed(socket: Socket, after: int) -> dict[str, Any]:
    """Say where to go on, and return the answer."""
    socket.send(type="resume", after=after)
    answer = socket.next()
    assert answer["type"] == "resumed", answer
    return answer


@pytest.mark.parametrize("seen", range(6))
def test_nothing_is_lost_and_nothing_comes_twice(backend: Threaded, seen: int) -> None:
    """After any number of events, a connection that resumes gets exactly the others."""
    person = backend.person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    after = events[0]["sequence"] - 1 + seen
    with person.socket() as socket:
        answer = resumed(socket, after)
        assert (answer["complete"], answer["missing"]) == (True, None)
        again = [socket.next() for _ in events[seen:]]
        assert again == events[seen:]
        assert socket.silent(0.2)
        follow = socket.run("What is 2 + 2?")[1]
    assert sequences(follow) == list(range(events[-1]["sequence"] + 1, events[-1]["sequence"] + 6))


def test_a_run_goes_on_while_nobody_listens(backend: Threaded) -> None:
    """The connection drops in the middle of a run; the run ends, and a new connection gets the rest of it."""
    person = backend.person()
    with person.socket() as socket:
        socket.send(type="user_message", id="1", text="timer: 0.6")
        before = socket.until("tool_executing")
        drop(socket)
    run = before[0]["run_id"]
    wait_until(lambda: person.ask("GET", f"/runs/{run}").json()["status"] != "running", "the run is over")
    with person.socket() as socket:
        resumed(socket, before[-1]["sequence"])
        rest = socket.until("agent_completed")
    assert [event["type"] for event in before[1:] + rest] == FIVE
    assert {event["run_id"] for event in rest} == {run}


def test_a_connection_comes_back_in_the_middle_of_a_run(start: Start) -> None:
    """Old and new events come in one order, though the run goes on while the client resumes, in another process."""
    # The client has all the time it needs to say where to go on.
    one, two = start(), start(ws_resume_window_seconds=30)
    person = one.person()
    there = Person(two, person.email, person.id, person.tokens)
    with person.socket() as socket:
        for number in range(8):
            socket.send(type="user_message", id=str(number), text=f"timer: 0.{number}")
        before: list[dict[str, Any]] = []
        while sum(message["type"] == "accepted" for message in before) < 8:
            before.append(socket.next())
        drop(socket)
    with there.socket() as socket:
        resumed(socket, sequences(before)[-1])
        rest: list[dict[str, Any]] = []
        while sum(event["type"] == "agent_completed" for event in [*before, *rest]) < 8:
            rest.append(socket.next())
    numbers = sequences([*before, *rest])
    assert numbers == list(range(numbers[0], numbers[0] + 40))


def test_the_token_can_bring_the_place_to_go_on(backend: Threaded) -> None:
    """`authenticate` with `after` is `authenticate` and `resume` in one."""
    person = backend.person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    with backend.socket() as socket:
        socket.send(type="authenticate", token=person.tokens["access_token"], after=events[2]["sequence"])
        assert [socket.next()["type"] for _ in range(2)] == ["ready", "resumed"]
        assert [socket.next() for _ in range(2)] == events[3:]


def test_without_resume_only_new_events_come(backend: Threaded) -> None:
    """A connection that does not ask for the old ones begins with the next."""
    person = backend.person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    with person.socket(ready=False) as socket:
        assert socket.next()["sequence"] == events[-1]["sequence"]
        assert sequences(socket.run("What is 2 + 2?")[1])[0] == events[-1]["sequence"] + 1


def test_a_late_resume_brings_the_rest_once(backend: Threaded) -> None:
    """A client that resumes after new events have come gets the old ones then, and none of the new again."""
    person = backend.person()
    with person.socket() as socket:
        old = socket.run("What is 1 + 1?")[1]
    with person.socket() as socket:
        new = socket.run("What is 2 + 2?")[1]
        resumed(socket, old[1]["sequence"])
        assert [socket.next() for _ in range(3)] == old[2:]
        resumed(socket, old[0]["sequence"])
        assert socket.next() == old[1]
        resumed(socket, new[0]["sequence"])
        assert socket.silent(0.2)


def test_what_is_gone_is_said(start: Start) -> None:
    """When the log has let go of events that are asked for, the answer names them, and the others follow."""
    person = start(events_kept=5).person()
    with person.socket() as socket:
        gone, kept = socket.run("What is 1 + 1?")[1], socket.run("What is 2 + 2?")[1]
    first, end = gone[0]["sequence"], gone[-1]["sequence"]
    for after in (first - 1, first):
        with person.socket() as socket:
            answer = resumed(socket, after)
            assert (answer["complete"], answer["missing"]) == (False, {"from": after + 1, "to": end})
            assert [socket.next() for _ in range(5)] == kept
    with person.socket() as socket:
        answer = resumed(socket, end)
        assert (answer["complete"], answer["missing"]) == (True, None)


def test_all_that_is_kept_can_be_asked_for(backend: Threaded) -> None:
    """0 stands for the beginning."""
    person = backend.person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    with person.socket() as socket:
        assert resumed(socket, 0)["complete"] is True
        assert [socket.next() for _ in range(5)] == events


def test_the_future_cannot_be_asked_for(backend: Threaded) -> None:
    """A sequence that nobody has had yet is an error, and the connection goes on."""
    with backend.person().socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
        socket.send(type="resume", after=events[-1]["sequence"] + 1)
        assert socket.next()["code"] == "resume_ahead"
        assert socket.run("What is 2 + 2?")


def test_sequences_never_go_back(start: Start, environment: dict[str, str]) -> None:
    """Even when Redis has lost everything, numbers go on upwards, and what is lost is said."""
    person = start().person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    with Redis.from_url(environment["REDIS_URL"]) as redis:
        redis.flushdb()
    person.tokens = person.api.log_in(person.email)
    with person.socket(ready=False) as socket:
        ready = socket.next()
        assert ready["sequence"] > events[-1]["sequence"]
        assert resumed(socket, events[-1]["sequence"])["complete"] is False
        assert sequences(socket.run("What is 2 + 2?")[1])[0] > events[-1]["sequence"]


def test_an_expired_log_is_said(start: Start) -> None:
    """Events are kept for so long; after that a client that asks for them is told that they are gone."""
    person = start(events_seconds=3).person()
    with person.socket() as socket:
        events = socket.run("What is 1 + 1?")[1]
    time.sleep(3.2)
    with person.socket() as socket:
        answer = resumed(socket, events[0]["sequence"])
        assert answer["complete"] is False
        assert answer["missing"]["from"] == events[1]["sequence"]
        assert socket.silent(0.2)
