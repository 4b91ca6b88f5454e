"""The events of agents' runs: what they are, what was received, and checks of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema

from test_framework.e2e.waiting import NotInTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["EVENT_ORDER", "Event", "EventRecorder"]

EVENT_ORDER = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
_EXECUTING, _COMPLETED = EVENT_ORDER[2:4]
_SHOWN = 5

_FORMATS = jsonschema.FormatChecker()


@_FORMATS.checks("date-time", raises=ValueError)
def _has_a_zone(value: object) -> bool:
    # The library checks times only where another package is installed.
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was received.

    Attributes:
        type: Which of `EVENT_ORDER`, or whatever the server said.
        id: Of this event.
        run_id: Of its run.
        thread_id: Of the thread that the run belongs to.
        sequence: Its place among all events of its user.
        time: When it happened, by the server's clock.
        data: What is particular about its type.
        received: When it was read from the connection, by `time.monotonic()` of this process, in seconds.
        raw: The message as it came, for the schema.
    """

    type: str
    id: str
    run_id: str
    thread_id: str
    sequence: int
    time: datetime
    data: dict[str, Any] = field(hash=False)
    received: float = field(compare=False)
    raw: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, message: dict[str, Any], received: float) -> Event | None:
        """Return the event that a message is: it has one of the five types, or a run and a sequence; else None.

        Raises:
            AssertionError: It is one, and lacks a part or has a part that cannot be read.
        """
        if message.get("type") not in EVENT_ORDER and not {"run_id", "sequence"} <= message.keys():
            return None
        try:
            return cls(
                type=message["type"],
                id=message["id"],
                run_id=message["run_id"],
                thread_id=message["thread_id"],
                sequence=int(message["sequence"]),
                time=datetime.fromisoformat(message["time"]),
                data=message["data"],
                received=received,
                raw=message,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise AssertionError(f"no proper event ({type(error).__name__}: {error}): {message}") from error


class EventRecorder:
    """Keeps the events that one user receives, in the order in which they come, and checks them.

    Safe to use from several threads. A check of nothing fails: where no event came, none was right.

    Args:
        schema: The JSON schema of the events, `GET /schemas/events.json`; needed for `check_schema` only.
    """

    def __init__(self, schema: dict[str, Any] | None = None) -> None:
        self._schema = schema
        self._events: list[Event] = []
        self._news = threading.Condition()

    def record(self, event: Event) -> None:
        """Keep an event; called by the clients that were given this recorder."""
        with self._news:
            self._events.append(event)
            self._news.notify_all()

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        with self._news:
            return list(self._events)

    def of_run(self, run_id: str) -> list[Event]:
        """Return the events of a run so far."""
        return [event for event in self.events if event.run_id == run_id]

    def wait_for(self, kind: str, run_id: str, seconds: float = 10.0) -> Event:
        """Return the first event of that type and run, as soon as another thread has recorded it.

        Raises:
            NotInTime: It did not come.
        """
        ends = time.monotonic() + seconds
        with self._news:
            while True:
                for event in self._events:
                    if (event.type, event.run_id) == (kind, run_id):
                        return event
                if not self._news.wait(max(0.0, ends - time.monotonic())):
                    came = ", ".join(e.type for e in self._events if e.run_id == run_id) or "nothing"
                    raise NotInTime(f"{kind} of run {run_id} has come", seconds, f"of this run came: {came}")

    def check_order(self, run_id: str, expected: Sequence[str] = EVENT_ORDER) -> None:
        """Check that a run has had its events, in order.

        It begins with the first of `expected` and ends with the last, after which nothing comes; each type of
        `expected` comes, first in that order, and no other. Calls of tools may follow each other or be nested: each
        `tool_completed` belongs to the call that was begun last, and none stays open where it is expected.

        Raises:
            AssertionError: It is otherwise; the text says how, what was expected and what came.
        """
        events = self.of_run(run_id)
        if problem := _disorder(events, expected):
            came = ", ".join(event.type for event in events) or "nothing"
            raise AssertionError(f"run {run_id}: {problem}\nexpected: {', '.join(expected)}\ngot:      {came}")

    def check_schema(self) -> None:
        """Check every event against the schema; raises `AssertionError`, or `ValueError` where there is no schema."""
        if self._schema is None:
            raise ValueError("check_schema needs a schema: EventRecorder(schema)")
        validator = jsonschema.validators.validator_for(self._schema)(self._schema, format_checker=_FORMATS)
        for event in self._some():
            if error := jsonschema.exceptions.best_match(validator.iter_errors(event.raw)):
                raise AssertionError(
                    f"event {event.sequence} does not fit the schema at {error.json_path}: {error.message}\n"
                    f"expected: {error.schema}\ngot:      {event.raw}"
                )

    def check_sequence(self) -> None:
        """Check that each sequence is one more than the one before: no gap, no repetition, never back."""
        sequences = [event.sequence for event in self._some()]
        for before, after in pairwise(sequences):
            if after != before + 1:
                what = "a gap" if after > before else "a repetition" if after in sequences[:-1] else "a step back"
                raise AssertionError(
                    f"{what} in the sequences\nexpected: {before + 1} after {before}\ngot:      {after}"
                )

    def check_ids_unique(self) -> None:
        """Check that no two events have the same id."""
        first: dict[str, Event] = {}
        for event in self._some():
            if other := first.get(event.id):
                both = f"{other.type} {other.sequence} and {event.type} {event.sequence}"
                raise AssertionError(f"an id came twice\nexpected: one event with the id {event.id}\ngot:      {both}")
            first[event.id] = event

    def check_owner(self, run_ids: Iterable[str]) -> None:
        """Check that the user has received all events of these runs, which are all of his, and none of another's."""
        mine = set(run_ids)
        foreign = [event for event in self._some() if event.run_id not in mine]
        if foreign:
            shown = ", ".join(f"{event.type} of run {event.run_id}" for event in foreign[:_SHOWN])
            raise AssertionError(f"{len(foreign)} events of others\nexpected: runs {sorted(mine)}\ngot:      {shown}")
        for run_id in sorted(mine):
            self.check_order(run_id)

    def _some(self) -> list[Event]:
        if not (events := self.events):
            raise AssertionError("no event was recorded\nexpected: one at least\ngot:      none")
        return events


def _disorder(events: list[Event], expected: Sequence[str]) -> str | None:
    """Return what is wrong with the order of a run's events."""
    types = [event.type for event in events]
    if missing := [kind for kind in expected if kind not in types]:
        return f"{', '.join(missing)} did not come"
    if other := [kind for kind in types if kind not in expected]:
        return f"{other[0]} does not belong there"
    if types.count(expected[-1]) > 1 or types[-1] != expected[-1]:
        return f"{types[types.index(expected[-1]) + 1]} came after {expected[-1]}"
    if types.count(expected[0]) > 1:
        return f"{expected[0]} came twice"
    first = sorted(expected, key=types.index)
    if first != list(expected):
        late, early = next((a, b) for a, b in zip(expected, first, strict=True) if a != b)
        return f"{early} came before {late}"
    return _open_calls(events) if _COMPLETED in expected else None


def _open_calls(events: list[Event]) -> str | None:
    calls: list[object] = []
    for event in events:
        call = event.data.get("call_id")
        if event.type == _EXECUTING:
            calls.append(call)
        elif event.type == _COMPLETED and (not calls or calls.pop() != call):
            return f"tool_completed of call {call}, which is not the one that was begun last"
    return f"the calls {calls} were never completed" if calls else None
