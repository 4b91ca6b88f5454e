"""What is said on the WebSocket, without the WebSocket: both clients drive it, and only they do input and output.

An operation is a generator. It yields what it wants done, a text to send or a text to receive, is given the text that
was received, or the error that came in its place, and returns its result.

The methods of `Conversation` that return one are those of both clients, with these arguments and these docstrings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import uuid4

from test_framework.e2e.errors import ConnectionEnded, MessageRefused
from test_framework.e2e.events import EVENT_ORDER, Event
from test_framework.e2e.waiting import NotInTime
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    from test_framework.e2e.events import EventRecorder

__all__ = [
    "RUN_SECONDS",
    "SECONDS",
    "Accepted",
    "Conversation",
    "Message",
    "Operation",
    "Receive",
    "Resumed",
    "Send",
]

SECONDS = 10.0
"""Bound on one answer."""
RUN_SECONDS = 60.0
"""Bound on a run."""

T = TypeVar("T")
Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Receive:
    """Receive a text before the deadline, which is a time of `time.monotonic()`; `late` is raised after it."""

    deadline: float
    late: NotInTime

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.deadline - time.monotonic())


Operation: TypeAlias = Generator[Send | Receive, str, T]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the server has taken.

    Attributes:
        run_id: The run that answers it.
        thread_id: The thread that it belongs to.
        duplicate: Whether a message with its id had been taken before, so that no new run began.
        sent: When it was sent, by `time.monotonic()`.
    """

    run_id: str
    thread_id: str
    duplicate: bool
    sent: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class Resumed:
    """Whether all events that were asked for come; if not, the first and the last sequence that are missing."""

    complete: bool
    missing: tuple[int, int] | None


@dataclass(slots=True)
class _Got:
    message: Message
    event: Event | None


class Conversation:
    """The client's side: what was read and not yet asked for, and how far the events have come.

    Attributes:
        ready: The server's first message, when it has come.
        last_sequence: Where a later connection has to resume: that of the newest event received; before the first one
            that of `ready`, or what was said in `resume`.
    """

    def __init__(self, recorder: EventRecorder | None) -> None:
        self.ready: Message | None = None
        self.last_sequence = 0
        self._recorder = recorder
        self._has_events = False
        self._waiting: list[_Got] = []

    def send(self, /, **message: Any) -> Operation[None]:
        """Send any message, also one that the protocol does not know."""
        yield Send(json.dumps(message))

    def send_text(self, text: str) -> Operation[None]:
        """Send a text frame as it is."""
        yield Send(text)

    def receive(self, seconds: float = SECONDS) -> Operation[Message]:
        """Return the oldest message that no other method has taken."""
        return (yield from self._take(lambda _: True, "a message has come", seconds)).message

    def closed(self, seconds: float = SECONDS) -> Operation[int]:
        """Wait until the connection has ended and return the close code, 1006 without one."""
        return (yield from self._end(seconds)).code

    def opening(self, token: str | None, seconds: float) -> Operation[None]:
        """Bring the token, or wait for `ready` where the handshake has brought it and there is none."""
        yield from self._answer("ready", seconds) if token is None else self.authenticate(token, seconds)

    def authenticate(self, token: str, seconds: float = SECONDS) -> Operation[None]:
        """Bring the first token, or a newer one of the same session."""
        KNOWN.add_passing(token)
        answer = "authenticated" if self.ready else "ready"
        yield from self.send(type="authenticate", token=token)
        yield from self._answer(answer, seconds)

    def ping(self, seconds: float = SECONDS) -> Operation[float]:
        """Ask for a `pong`; return the seconds until it came."""
        begin = time.monotonic()
        yield from self.send(type="ping")
        yield from self._answer("pong", seconds)
        return time.monotonic() - begin

    def resume(self, after: int, seconds: float = SECONDS) -> Operation[Resumed]:
        """Ask for all events after a sequence, 0 for all that are kept; raises `MessageRefused`."""
        yield from self.send(type="resume", after=after)
        answer = yield from self._answer("resumed", seconds)
        if not self._has_events:
            self.last_sequence = after
        missing = answer["missing"]
        return Resumed(answer["complete"], (missing["from"], missing["to"]) if missing else None)

    def say(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = SECONDS,
    ) -> Operation[Accepted]:
        """Send a message for the agent and wait until it is taken; raises `MessageRefused`.

        With an `id` that was sent before, the server finds the run that it had then.
        """
        message = {"type": "user_message", "id": id or uuid4().hex, "text": text}
        sent = time.monotonic()
        yield from self.send(**message | ({"thread_id": thread_id} if thread_id else {}))
        answer = yield from self._answer("accepted", seconds, message["id"])
        return Accepted(answer["run_id"], answer["thread_id"], answer["duplicate"], sent)

    def events_of(self, run_id: str, seconds: float = RUN_SECONDS) -> Operation[list[Event]]:
        """Return the events of a run, up to `agent_completed`."""
        deadline = time.monotonic() + seconds
        events: list[Event] = []
        while not events or events[-1].type != EVENT_ORDER[-1]:
            so_far = ", ".join(event.type for event in events) or "no event"
            what = f"run {run_id} has ended, after {so_far}"
            got = yield from self._take(
                lambda got: got.event is not None and got.event.run_id == run_id, what, seconds, deadline=deadline
            )
            if got.event:
                events.append(got.event)
        return events

    def run(
        self,
        text: str,
        thread_id: str | None = None,
        id: str | None = None,  # noqa: A002  # as the protocol calls it
        seconds: float = RUN_SECONDS,
    ) -> Operation[tuple[Accepted, list[Event]]]:
        """Do as `say` and then as `events_of`."""
        accepted = yield from self.say(text, thread_id, id, seconds)
        return accepted, (yield from self.events_of(accepted.run_id, seconds))

    def _end(self, seconds: float) -> Operation[ConnectionEnded]:
        """Receive until the connection ends, and return how it did."""
        try:
            while True:
                yield from self._take(lambda _: False, "the connection has ended", seconds)
        except ConnectionEnded as end:
            return end

    def _answer(self, kind: str, seconds: float, name: str | None = None) -> Operation[Message]:
        """Return the answer to what was just sent: of that type, or an error; with that id, where there is one.

        An error without an id is the answer to the oldest message that has none yet, so a test that sends rubbish
        receives what comes of it before it calls anything else.
        """

        def fits(got: _Got) -> bool:
            message = got.message
            if message.get("type") == "error":
                return bool(message.get("id", name) == name)
            return message.get("type") == kind and (name is None or message.get("id") == name)

        # What came before cannot be the answer.
        message = (yield from self._take(fits, f"{kind!r} has come", seconds, skip=len(self._waiting))).message
        if message["type"] == "error":
            if self.ready is None:
                # The server closes with the same code, which is what is raised then.
                raise (yield from self._end(seconds))
            raise MessageRefused(message["code"], message["message"])
        return message

    def _take(
        self, fits: Callable[[_Got], bool], what: str, seconds: float, *, deadline: float | None = None, skip: int = 0
    ) -> Operation[_Got]:
        deadline = time.monotonic() + seconds if deadline is None else deadline
        while True:
            for place in range(skip, len(self._waiting)):
                if fits(self._waiting[place]):
                    return self._waiting.pop(place)
            skip = len(self._waiting)
            kept = ", ".join(str(got.message.get("type")) for got in self._waiting) or "nothing"
            text = yield Receive(deadline, NotInTime(what, seconds, f"what came and was not asked for: {kept}"))
            yield from self._read(text)

    def _read(self, text: str) -> Operation[None]:
        received = time.monotonic()
        message = json.loads(text)
        if not isinstance(message, dict):
            raise AssertionError(f"a message is a JSON object, and this is none: {text[:200]}")  # noqa: TRY004
        event = Event.of(message, received)
        if event:
            # After a late `resume` older ones come, too.
            self.last_sequence = max(self.last_sequence, event.sequence) if self._has_events else event.sequence
            self._has_events = True
            if self._recorder:
                self._recorder.record(event)
        elif message.get("type") == "ping":
            # The heartbeat is the business of clients, not of tests.
            yield Send(json.dumps({"type": "pong"}))
            return
        elif message.get("type") == "ready":
            self.ready, self.last_sequence = message, message["sequence"]
        self._waiting.append(_Got(message, event))
