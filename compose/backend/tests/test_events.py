"""The agent's run, as its user sees it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jsonschema
import psycopg
import pytest
from harness.clients import FIVE, Person, Socket
from harness.servers import Start, Threaded


def last(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the data of the last event."""
    assert events[-1]["type"] == "agent_completed"
    data: dict[str, Any] = events[-1]["data"]
    return data


def test_a_message_yields_the_five_events_in_order(backend: Threaded) -> None:
    """One message has one run with each event once, numbered without gaps, with times that do not go back."""
    with backend.person().socket() as socket:
        accepted, events = socket.run("What is 6 * 7?")
    assert [event["type"] for event in events] == FIVE
    assert {event["run_id"] for event in events} == {accepted["run_id"]}
    assert {event["thread_id"] for event in events} == {accepted["thread_id"]}
    assert len({event["id"] for event in events}) == 5
    first = events[0]["sequence"]
    assert [event["sequence"] for event in events] == list(range(first, first + 5))
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    assert all(time.utcoffset() == UTC.utcoffset(None) for time in times)
    assert abs(times[-1].timestamp() - datetime.now(UTC).timestamp()) < 5
    assert last(events)["text"] == "6 * 7 = 42"


@pytest.mark.parametrize(
    ("text", "tool", "status"),
    [
        ("What is (1 + 2) * 3 / 4?", "calculator", "completed"),
        ("calc: 2 ** 10", "calculator", "completed"),
        ("calc: 1 / 0", "calculator", "recovered"),
        ("calc: __import__('os')", "calculator", "recovered"),
        ("calc: 9 ** 9 ** 9 ** 9", "calculator", "recovered"),
        ("search: anything", "thread_search", "completed"),
        ("Hello there, how is the weather?", "thread_search", "completed"),
        ("timer: 0.01", "timer", "completed"),
        ("timer: -1", "timer", "recovered"),
        ("timer: nan", "timer", "recovered"),
        ("fail: the cable is loose", "unreliable", "recovered"),
        ("fail: fatal", "unreliable", "failed"),
        ("?", "thread_search", "completed"),
    ],
)
def test_every_path_has_the_five_events(backend: Threaded, text: str, tool: str, status: str) -> None:
    """Whatever the tool does, each event comes once and in order, and fits the published schema."""
    schema = backend.http.get("/schemas/events.json").json()
    person = backend.person()
    with person.socket() as socket:
        accepted, events = socket.run(text)
    assert [event["type"] for event in events] == FIVE
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for event in events:
        validator.validate(event)
    assert events[2]["data"]["tool"] == events[3]["data"]["tool"] == tool
    assert events[2]["data"]["call_id"] == events[3]["data"]["call_id"]
    assert events[3]["data"]["ok"] is (status == "completed")
    assert (events[3]["data"]["error"] is None) is (status == "completed")
    assert last(events)["status"] == status
    assert (last(events)["text"] is None) is (status == "failed")
    run = person.ask("GET", f"/runs/{accepted['run_id']}").json()
    assert run["status"] == status
    assert run["error"] == last(events)["error"]


def test_the_schema_can_refuse(backend: Threaded) -> None:
    """An event with a field too few, too many, or of another type does not fit it."""
    validator = jsonschema.Draft202012Validator(backend.http.get("/schemas/events.json").json())
    with backend.person().socket() as socket:
        event = socket.run("What is 1 + 1?")[1][0]
    assert validator.is_valid(event)
    for bad in (
        {key: value for key, value in event.items() if key != "sequence"},
        event | {"more": 1},
        event | {"type": "agent_unknown"},
        event | {"data": {}},
        event | {"sequence": 0},
    ):
        assert not validator.is_valid(bad)


def test_a_tool_that_fails_is_told_and_recovered_from(backend: Threaded) -> None:
    """The error is in `tool_completed`, the answer names it, and the next message is served as if nothing was."""
    with backend.person().socket() as socket:
        events = socket.run("fail: the cable is loose")[1]
        assert events[3]["data"]["error"] == {"code": "failed_on_demand", "message": "the cable is loose"}
        assert "the cable is loose" in last(events)["text"]
        assert last(socket.run("What is 1 + 1?")[1])["status"] == "completed"


def test_a_tool_that_takes_too_long_is_stopped(start: Start) -> None:
    """The bound of the settings is one that a run recovers from."""
    with start(tool_timeout_seconds=0.1).person().socket() as socket:
        events = socket.run("timer: 60")[1]
    assert events[3]["data"]["error"]["code"] == "tool_timeout"
    assert last(events)["status"] == "recovered"


def test_a_model_that_refuses_ends_the_run(start: Start) -> None:
    """Without a plan there is no tool: the run begins and fails, with the reason."""
    with start(model_context_characters=10).person().socket() as socket:
        events = socket.run("a text of more than ten characters")[1]
    assert [event["type"] for event in events] == ["agent_started", "agent_completed"]
    assert last(events)["status"] == "failed"
    assert last(events)["error"]["code"] == "context_length_exceeded"


def test_the_model_is_deterministic(backend: Threaded) -> None:
    """The same message has the same answer, and the model's name says why."""
    with backend.person().socket() as socket, backend.person().socket() as other:
        one, two = socket.run("What is 3 * 5?")[1], other.run("What is 3 * 5?")[1]
    assert last(one)["text"] == last(two)["text"]
    assert one[0]["data"]["model"] == "deterministic"


def test_messages_are_kept_with_the_answer(backend: Threaded) -> None:
    """The thread holds both messages, the newest first, when `agent_completed` is there."""
    person = backend.person()
    thread = person.thread()
    with person.socket() as socket:
        accepted, events = socket.run("What is 6 * 7?", thread_id=thread)
        kept = person.ask("GET", f"/threads/{thread}/messages").json()["items"]
    assert [(message["role"], message["text"]) for message in kept] == [
        ("assistant", "6 * 7 = 42"),
        ("user", "What is 6 * 7?"),
    ]
    assert kept[0]["id"] == last(events)["message_id"]
    assert kept[1]["id"] == accepted["message_id"] == events[0]["data"]["message_id"]


def test_a_first_message_makes_its_thread(backend: Threaded) -> None:
    """Somebody new need make no thread before he speaks."""
    person = backend.person()
    assert person.ask("GET", "/threads").json() == {"items": [], "next": None}
    with person.socket() as socket:
        accepted, events = socket.run("Hello,  here\nI am")
    threads = person.ask("GET", "/threads").json()["items"]
    assert [(thread["id"], thread["title"]) for thread in threads] == [(accepted["thread_id"], "Hello, here I am")]
    assert last(events)["text"] == "You have not spoken of that before."


def test_the_search_finds_the_user_s_own_words_only(backend: Threaded) -> None:
    """Another user's messages are never among the results."""
    person, other = backend.person(), backend.person()
    word = f"secret{uuid4().hex[:8]}"
    with other.socket() as socket:
        socket.run(f"My word is {word}")
    with person.socket() as socket:
        assert socket.run(f"search: {word}")[1][3]["data"]["result"] == {"matches": []}
        socket.run(f"I say {word} too")
        matches = socket.run(f"search: {word}")[1][3]["data"]["result"]["matches"]
    assert [match["text"] for match in matches] == [f"I say {word} too", f"search: {word}"]


def test_a_word_of_a_search_is_no_pattern(backend: Threaded) -> None:
    """A percent sign, an underscore and a backslash are looked for as they are."""
    with backend.person().socket() as socket:
        for text in ("I paid 1000 of it", "rate axb", "a 100% sure thing", "rate a_b", "C:\\x"):
            socket.run(text)
        found = {}
        for word in ("00%", "a_b", "\\x"):
            matches = socket.run(f"search: {word}")[1][3]["data"]["result"]["matches"]
            found[word] = [match["text"] for match in matches if not match["text"].startswith("search")]
    assert found == {"00%": ["a 100% sure thing"], "a_b": ["rate a_b"], "\\x": ["C:\\x"]}


def test_events_come_to_every_connection_of_the_user_and_to_nobody_else(start: Start) -> None:
    """Two connections to two processes get the same events; a stranger on each gets none."""
    one, two = start(), start()
    person, stranger = one.person(), one.person()
    there = Person(two, person.email, person.id, person.tokens)
    stranger_there = Person(two, stranger.email, stranger.id, stranger.tokens)
    with person.socket() as here, there.socket() as far, stranger.socket() as near, stranger_there.socket() as away:
        sent = here.run("What is 6 * 7?")[1]
        assert far.until("agent_completed") == sent
        assert near.silent(0.2)
        assert away.silent(0.2)


def test_ten_users_at_once_get_their_own_and_all_of_it(backend: Threaded) -> None:
    """Each receives exactly the events of his own three runs, in order, with his own numbers in the answers."""
    people = [backend.person() for _ in range(10)]
    got: dict[int, list[dict[str, Any]]] = {}

    def live(number: int, person: Person) -> None:
        with person.socket() as socket:
            for turn in range(3):
                socket.send(type="user_message", id=f"m{turn}", text=f"What is {number} * 1000 + {turn}?")
            found: list[dict[str, Any]] = []
            while sum(event["type"] == "agent_completed" for event in found) < 3:
                message = socket.next()
                found += [message] if message["type"] in FIVE else []
            got[number] = found

    threads = [threading.Thread(target=live, args=pair) for pair in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == list(range(10))
    for number, events in got.items():
        sequences = [event["sequence"] for event in events]
        assert sequences == list(range(sequences[0], sequences[0] + 15))
        runs = {event["run_id"] for event in events}
        for run in runs:
            assert [event["type"] for event in events if event["run_id"] == run] == FIVE
        answers = {event["data"]["text"] for event in events if event["type"] == "agent_completed"}
        assert answers == {f"{number} * 1000 + {turn} = {number * 1000 + turn}" for turn in range(3)}


def test_a_message_that_is_sent_again_is_not_answered_again(start: Start, environment: dict[str, str]) -> None:
    """The same id has one run, from whichever connection and in whichever process it comes, and says so."""
    # No event comes to a connection before its message has been answered.
    one, two = start(ws_resume_window_seconds=30), start(ws_resume_window_seconds=30)
    person = one.person()
    there = Person(two, person.email, person.id, person.tokens)
    with person.socket() as socket, there.socket() as far:
        for each in (socket, far):
            each.send(type="user_message", id="same", text="What is 1 + 1?")
        accepted = [next(m for m in each.until("agent_completed") if m["type"] == "accepted") for each in (socket, far)]
        assert {a["run_id"] for a in accepted} == {accepted[0]["run_id"]}
        assert sorted(a["duplicate"] for a in accepted) == [False, True]
        socket.send(type="user_message", id="same", text="What is 1 + 1?")
        assert socket.next()["duplicate"] is True
        assert socket.silent(0.2)
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_an_id_belongs_to_one_message(backend: Threaded) -> None:
    """The same id with another text is an error, of one user only."""
    person = backend.person()
    with person.socket() as socket, backend.person().socket() as other:
        socket.run("What is 1 + 1?", id="same")
        socket.send(type="user_message", id="same", text="What is 2 + 2?")
        error = socket.next()
        assert (error["type"], error["code"], error["id"]) == ("error", "id_conflict", "same")
        assert other.run("What is 2 + 2?", id="same")[0]["duplicate"] is False


def test_an_id_belongs_to_one_thread(backend: Threaded) -> None:
    """The same message for another thread of the user is an error, and is not kept there."""
    person = backend.person()
    other = person.thread()
    with person.socket() as socket:
        socket.run("What is 1 + 1?", id="same")
        socket.send(type="user_message", id="same", thread_id=other, text="What is 1 + 1?")
        error = socket.next()
        assert (error["type"], error["code"], error["id"]) == ("error", "id_conflict", "same")
    assert person.ask("GET", f"/threads/{other}/messages").json()["items"] == []


def test_a_thread_of_somebody_else_does_not_exist(backend: Threaded) -> None:
    """A message into it is refused like one into a thread that never was, and leaves nothing there."""
    owner, person = backend.person(), backend.person()
    thread = owner.thread()
    with person.socket() as socket:
        errors = []
        for target in (thread, str(uuid4())):
            socket.send(type="user_message", id=target, thread_id=target, text="What is 1 + 1?")
            errors.append(socket.next()["code"])
    assert errors == ["thread_not_found", "thread_not_found"]
    assert owner.ask("GET", f"/threads/{thread}/messages").json()["items"] == []


def test_a_user_has_so_many_runs_at_once(start: Start) -> None:
    """One more is refused, and another user is not affected."""
    backend = start(runs_per_user=2)
    person = backend.person()
    with person.socket() as socket, backend.person().socket() as other:
        for number in range(3):
            socket.send(type="user_message", id=str(number), text="timer: 3")
        refused = next(m for m in iter(socket.next, None) if m["type"] == "error")
        assert (refused["code"], refused["id"]) == ("too_many_runs", "2")
        assert last(other.run("What is 1 + 1?")[1])["status"] == "completed"
        for _ in range(2):
            socket.until("agent_completed")
        assert last(socket.run("What is 1 + 1?")[1])["status"] == "completed"


def test_a_thread_that_is_deleted_under_a_run(backend: Threaded) -> None:
    """The run ends as failed, and says why."""
    person = backend.person()
    with person.socket() as socket:
        socket.send(type="user_message", id="1", text="timer: 2")
        thread = socket.until("tool_executing")[0]["thread_id"]
        assert person.ask("DELETE", f"/threads/{thread}").status_code == 204
        data = last(socket.until("agent_completed"))
    assert (data["status"], data["error"]["code"]) == ("failed", "thread_deleted")


def test_a_passive_connection_gets_events(backend: Threaded) -> None:
    """Who only listens is told all the same."""
    person = backend.person()

    def listen(socket: Socket) -> list[str]:
        return [message["type"] for message in socket.until("agent_completed")]

    with person.socket() as passive, person.socket() as active:
        active.run("What is 1 + 1?")
        assert listen(passive) == FIVE
