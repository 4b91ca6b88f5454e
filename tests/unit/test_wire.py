"""The wire: what is sent is what arrives, passwords and logs with it, and an end is noticed."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from test_framework.contracts import Dedicated
from test_framework.resolution import Attempt, Code, Endpoint, Reason, Refused, Resolution
from test_framework.supervisor import wire
from test_framework.supervisor.wire import MessageChannel, ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT = Endpoint("postgres", "docker", "postgresql://app:hunter2@127.0.0.1/db", "17.2", "asked for 16", "shown")
NO_SOCKET = Reason.of(Code.SOCKET_MISSING, host="unix:///nope.sock", source="DOCKER_HOST")


@pytest.fixture
def pair() -> Iterator[tuple[MessageChannel, MessageChannel]]:
    """Two channels, each the other's other side."""
    sockets = socket.socketpair()
    for sock in sockets:
        sock.settimeout(5)
    ours, theirs = map(MessageChannel, sockets)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"op": "resolve", "want": {"service": "postgres"}},
        {"progress": 'two\nlines, a "quote", ü and \u2028'},
        {"long": "x" * 100_000},
    ],
)
def test_a_message_arrives_as_it_was_sent(pair: tuple[MessageChannel, MessageChannel], message: wire.Message) -> None:
    """Whatever characters are in it, it is one line."""
    ours, theirs = pair
    # A long one does not fit into the socket's buffer.
    sender = threading.Thread(target=theirs.send, args=(message,))
    sender.start()
    assert ours.receive() == message
    sender.join()
    theirs.send({"next": 1})
    assert ours.receive() == {"next": 1}


def test_a_channel_that_is_closed_is_at_its_end(pair: tuple[MessageChannel, MessageChannel]) -> None:
    """For a thread that still uses it: a run may end while its services are warmed."""
    ours, _ = pair
    ours.close()
    assert ours.receive() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        ours.send({})


def test_messages_end_with_the_connection() -> None:
    """Reading on gives none, and no half of one."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b'{"a": 1}\n{"b": 2}\n{"half": ')
    channel = MessageChannel(ours)
    assert [channel.receive(), channel.receive()] == [{"a": 1}, {"b": 2}]
    assert channel.receive() is None
    channel.close()


def test_sending_to_nobody_is_an_error(pair: tuple[MessageChannel, MessageChannel]) -> None:
    """The sender learns that the other side is gone."""
    ours, theirs = pair
    theirs.close()
    with pytest.raises(OSError, match="Broken pipe"):
        ours.send({"a": 1})


def test_a_closed_channel_is_an_end_for_the_other_side(pair: tuple[MessageChannel, MessageChannel]) -> None:
    """Closing lets go of the socket, which is how a lease ends."""
    ours, theirs = pair
    ours.close()
    assert theirs.receive() is None


def test_a_want_survives() -> None:
    """Service, order and source."""
    want = ServiceRequest("postgres", ("docker", "embedded"), "--providers")
    for each in (want, replace(want, tier="e2e", dedicated=Dedicated(port=7, password=False))):
        assert ServiceRequest.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_an_endpoint_keeps_its_password() -> None:
    """On the wire, unlike in a report, the URL must work on the other side."""
    assert wire.endpoint_from_json(wire.endpoint_to_json(ENDPOINT)) == ENDPOINT


@pytest.mark.parametrize("endpoint", [ENDPOINT, None])
def test_a_resolution_survives(endpoint: Endpoint | None, pair: tuple[MessageChannel, MessageChannel]) -> None:
    """With every attempt, its reason and its log."""
    attempts = (Attempt("explicit", NO_SOCKET, 0.5, "the log"), Attempt("docker", None, 0.25))
    resolution = Resolution("postgres", endpoint, attempts)
    ours, theirs = pair
    ours.send(wire.resolution_to_json(resolution))
    received = theirs.receive()
    assert received is not None
    assert wire.resolution_from_json(received) == resolution


def test_a_refusal_survives() -> None:
    """Its reason and its log."""
    refused = wire.refused_from_json(wire.refused_to_json(Refused(NO_SOCKET, "the log")))
    assert (refused.reason, refused.log, str(refused)) == (NO_SOCKET, "the log", str(NO_SOCKET))
