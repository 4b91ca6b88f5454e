"""TCP connections with a bound: what answers is connected, and every way of not answering is told apart."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from test_framework import net
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

HURRY = 0.3
PATIENT = 60.0
SOON = 20.0
"""Seconds far from both: the bounds that are tried here, and those of a system that is left to wait."""


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of the loopback network on which something listens, over IPv4 only."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port of the loopback network on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port whose owner never accepts, and whose queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003  # it takes no name
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def refused(host: str, port: int, seconds: float = net.CONNECT_SECONDS) -> tuple[Reason, float]:
    """Return why there is no connection, and how long that took."""
    begin = time.monotonic()
    with pytest.raises(Refused) as caught:
        net.connect(host, port, "DATABASE_URL", seconds)
    return caught.value.reason, time.monotonic() - begin


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_listens_is_connected(listening: int, host: str) -> None:
    """Also where the name has another address first, on which nothing listens."""
    with net.connect(host, listening, "DATABASE_URL") as sock:
        assert sock.getpeername()[1] == listening


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_listens(closed: int, host: str) -> None:
    """The answer comes at once and names the address, and the remedy where it was set."""
    reason, seconds = refused(host, closed, PATIENT)
    assert reason.code is Code.CONNECTION_REFUSED
    assert f"{host}:{closed}" in reason.message
    assert "DATABASE_URL" in reason.remedy
    assert seconds < SOON


def test_nobody_answers(deaf: int) -> None:
    """The answer comes when the time is over, and says how long that was."""
    reason, seconds = refused("127.0.0.1", deaf, HURRY)
    assert reason.code is Code.CONNECT_TIMEOUT
    assert f"127.0.0.1:{deaf} did not answer within 0.3 s" in reason.message
    assert HURRY * 0.9 <= seconds < SOON


def test_an_address_that_the_system_does_not_try() -> None:
    """It is a refusal like any other, and no error of the system's gets through."""
    reason, seconds = refused("fe80::1", 5432)
    assert reason.code is Code.CONNECT_TIMEOUT
    assert seconds < SOON


def test_a_name_that_is_none() -> None:
    """A name that no server knows is told as such, within the bound of resolution."""
    reason, seconds = refused("nowhere.invalid", 5432)
    assert reason.code is Code.NAME_UNRESOLVED
    assert "nowhere.invalid" in reason.message
    assert "DATABASE_URL" in reason.remedy
    assert seconds < SOON


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for, although nothing can interrupt it."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [over.wait(PATIENT)][:0])
    reason, seconds = refused("far.example", 5432, HURRY)
    over.set()
    assert reason.code is Code.NAME_UNRESOLVED
    assert "no answer within 0.3 s" in reason.message
    assert seconds < SOON


def test_a_socket_is_not_left_open(closed: int) -> None:
    """A refusal leaves no descriptor behind; an open one would be a warning, and so an error."""
    for _ in range(3):
        assert refused("localhost", closed)[0].code is Code.CONNECTION_REFUSED
