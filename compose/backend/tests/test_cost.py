"""What it costs: time to an event, memory of a session."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.clients import FIVE
from harness.servers import Spawn, Threaded


def test_events_are_prompt(backend: Threaded) -> None:
    """From the time in an event to its arrival it takes far less than half a second, for most of them."""
    late = []
    with backend.person().socket() as socket:
        for number in range(10):
            socket.send(type="user_message", id=str(number), text="What is 1 + 1?")
            for _ in range(6):
                message = socket.next()
                if message["type"] in FIVE:
                    late.append((datetime.now(UTC) - datetime.fromisoformat(message["time"])).total_seconds())
    assert len(late) == 50
    # The median, since a machine that is busy makes some late, and a backend that waits makes all of them late.
    assert sorted(late)[25] < 0.4


def test_sessions_leave_no_memory_behind(spawn: Spawn) -> None:
    """After the first forty sessions another forty take no more."""
    backend = spawn()
    person = backend.person()

    def live() -> float:
        for _ in range(40):
            with person.socket() as socket:
                socket.run("What is 1 + 1?")
        return backend.memory()

    before = live()
    assert live() - before < 10
