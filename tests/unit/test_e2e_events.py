"""What was received is checked: each check passes for a proper run, and fails for each way of being wrong."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.events import EVENT_ORDER, Event, EventRecorder
from test_framework.e2e.waiting import NotInTime

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTED, THINKING, EXECUTING, COMPLETED, FINISHED = EVENT_ORDER
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "data"],
    "properties": {"type": {"enum": list(EVENT_ORDER)}, "time": {"type": "string", "format": "date-time"}},
}


def message(kind: str, sequence: int, run: str = "r1", **changed: Any) -> dict[str, Any]:
    """Return the message of an event."""
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=sequence)
    told = {"type": kind, "id": f"id-{sequence}", "run_id": run, "thread_id": "t", "sequence": sequence}
    return told | {"time": time.isoformat(), "data": {}} | changed


def event(kind: str, sequence: int, run: str = "r1", **changed: Any) -> Event:
    """Return an event that was received."""
    found = Event.of(message(kind, sequence, run, **changed), received=sequence / 1000)
    assert found
    return found


def recorded(types: Sequence[str], run: str = "r1", first: int = 1) -> EventRecorder:
    """Return a recorder that has seen one run with events of these types, in this order."""
    recorder = EventRecorder(SCHEMA)
    for sequence, kind in enumerate(types, first):
        recorder.record(event(kind, sequence, run))
    return recorder


def test_a_proper_run_passes_every_check() -> None:
    """The five events in order, with what they need."""
    recorder = recorded(EVENT_ORDER)
    recorder.check_order("r1")
    recorder.check_schema()
    recorder.check_sequence()
    recorder.check_ids_unique()
    recorder.check_owner(["r1"])
    assert [e.type for e in recorder.of_run("r1")] == list(EVENT_ORDER)
    assert recorder.of_run("r2") == []


@pytest.mark.parametrize(
    ("types", "problem"),
    [
        ((), "did not come"),
        *[([k for k in EVENT_ORDER if k != kind], f"run r1: {kind} did not come") for kind in EVENT_ORDER],
        ((THINKING, STARTED, EXECUTING, COMPLETED, FINISHED), "agent_thinking came before agent_started"),
        ((STARTED, EXECUTING, THINKING, COMPLETED, FINISHED), "tool_executing came before agent_thinking"),
        ((STARTED, THINKING, COMPLETED, EXECUTING, FINISHED), "tool_completed came before tool_executing"),
        ((STARTED, THINKING, EXECUTING, FINISHED, COMPLETED), "tool_completed came after agent_completed"),
        ((*EVENT_ORDER, FINISHED), "agent_completed came after agent_completed"),
        ((*EVENT_ORDER, STARTED), "agent_started came after agent_completed"),
        ((STARTED, *EVENT_ORDER), "agent_started came twice"),
        ((STARTED, THINKING, "agent_dreaming", *EVENT_ORDER[2:]), "agent_dreaming does not belong there"),
        ((STARTED, THINKING, EXECUTING, COMPLETED, COMPLETED, FINISHED), "tool_completed of call None"),
        ((STARTED, THINKING, EXECUTING, COMPLETED, EXECUTING, FINISHED), "were never completed"),
    ],
)
def test_a_run_out_of_order_is_told(types: Sequence[str], problem: str) -> None:
    """Any two events swapped, one missing, one too many: the text says which, what was expected and what came."""
    with pytest.raises(AssertionError, match=problem) as caught:
        recorded(types).check_order("r1")
    assert f"expected: {', '.join(EVENT_ORDER)}" in str(caught.value)
    assert f"got:      {', '.join(types) or 'nothing'}" in str(caught.value)


@pytest.mark.parametrize(
    ("calls", "fits"), [("a+ a- b+ b-", True), ("a+ b+ b- a-", True), ("a+ b+ a- b-", False), ("a+ b-", False)]
)
def test_calls_of_tools_follow_each_other_or_are_nested(calls: str, fits: bool) -> None:  # noqa: FBT001
    """A call that ends before one that was begun later is told."""
    recorder = EventRecorder()
    told = [(EXECUTING if call[1] == "+" else COMPLETED, {"call_id": call[0]}) for call in calls.split()]
    for sequence, (kind, data) in enumerate([(STARTED, {}), (THINKING, {}), *told, (FINISHED, {})]):
        recorder.record(event(kind, sequence, data=data))
    if fits:
        recorder.check_order("r1")
    else:
        with pytest.raises(AssertionError, match="which is not the one that was begun last"):
            recorder.check_order("r1")


def test_a_run_that_is_refused_has_fewer_events() -> None:
    """What is expected can be said, and then the five are too many."""
    recorded((STARTED, FINISHED)).check_order("r1", (STARTED, FINISHED))
    interrupted = (STARTED, THINKING, EXECUTING, FINISHED)
    recorded(interrupted).check_order("r1", interrupted)
    with pytest.raises(AssertionError, match="agent_thinking does not belong there"):
        recorded(EVENT_ORDER).check_order("r1", (STARTED, FINISHED))


@pytest.mark.parametrize(
    ("sequences", "problem"),
    [([7, 9], "a gap"), ([7, 7], "a repetition"), ([7, 8, 7], "a repetition"), ([7, 6], "a step back")],
)
def test_sequences_have_no_gap(sequences: list[int], problem: str) -> None:
    """A lost event is a gap, and one that comes again a repetition."""
    recorder = EventRecorder()
    for sequence in sequences:
        recorder.record(event(STARTED, sequence))
    with pytest.raises(AssertionError, match=f"{problem} in the sequences\nexpected: .*\ngot:      {sequences[-1]}"):
        recorder.check_sequence()


def test_an_id_that_comes_twice_is_told() -> None:
    """Two events are never the same."""
    recorder = EventRecorder()
    recorder.record(event(STARTED, 1))
    recorder.record(event(THINKING, 2, id="id-1"))
    with pytest.raises(AssertionError, match="id-1\ngot:      agent_started 1 and agent_thinking 2"):
        recorder.check_ids_unique()


@pytest.mark.parametrize(
    ("changed", "place"), [({"type": "agent_dreaming"}, r"\$\.type"), ({"time": "2026-01-01T00:00:00"}, r"\$\.time")]
)
def test_an_event_that_does_not_fit_the_schema_is_told(changed: dict[str, Any], place: str) -> None:
    """With the place in it, what the schema says there, and the event."""
    recorder = recorded(EVENT_ORDER)
    recorder.record(event(STARTED, 6, **changed))
    with pytest.raises(AssertionError, match=f"event 6 does not fit the schema at {place}"):
        recorder.check_schema()


def test_a_check_against_no_schema_is_a_mistake() -> None:
    """It does not pass for want of one."""
    with pytest.raises(ValueError, match=r"EventRecorder\(schema\)"):
        EventRecorder().check_schema()


def test_events_of_others_and_runs_without_events_are_told() -> None:
    """Own all, none of another's, and every event of each."""
    recorder = recorded(EVENT_ORDER)
    with pytest.raises(AssertionError, match=r"run r2: .* did not come"):
        recorder.check_owner(["r1", "r2"])
    recorder.record(event(STARTED, 6, "r3"))
    told = r"1 events of others\nexpected: .*'r1'.*\ngot:      agent_started of run r3"
    with pytest.raises(AssertionError, match=told):
        recorder.check_owner(["r1"])


@pytest.mark.parametrize("check", ["check_schema", "check_sequence", "check_ids_unique"])
def test_nothing_is_never_right(check: str) -> None:
    """A check of no events fails."""
    with pytest.raises(AssertionError, match="no event was recorded"):
        getattr(EventRecorder(SCHEMA), check)()


def test_an_event_is_waited_for() -> None:
    """It is returned as soon as another thread records it; what does not come is told with what came."""
    recorder = EventRecorder()
    threading.Timer(0.05, lambda: recorder.record(event(STARTED, 1))).start()
    assert recorder.wait_for(STARTED, "r1", 10).sequence == 1
    with pytest.raises(NotInTime, match="agent_thinking of run r1 has come; of this run came: agent_started"):
        recorder.wait_for(THINKING, "r1", 0.05)


@pytest.mark.parametrize("lost", ["id", "run_id", "thread_id", "sequence", "time", "data"])
def test_an_event_without_a_part_is_told(lost: str) -> None:
    """A message of one of the five types is an event, or an error."""
    told = message(STARTED, 1)
    del told[lost]
    with pytest.raises(AssertionError, match=f"no proper event .KeyError: '{lost}'"):
        Event.of(told, 0.0)


def test_other_messages_are_no_events() -> None:
    """Not even one that names a run; but a type that nobody knows, with a run and a sequence, is one."""
    assert Event.of({"type": "accepted", "run_id": "r1"}, 0.0) is None
    assert Event.of(message("agent_dreaming", 1), 0.0)
