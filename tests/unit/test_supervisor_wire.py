"""What travels between client and supervisor: whole, and each time within a bound."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from test_framework import owner
from test_framework.supervisor import client as supervisor
from test_framework.supervisor.address import SupervisorAddress
from test_framework.supervisor.server import _ClientConnection
from test_framework.supervisor.wire import BUSY, MessageChannel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(60)

_LARGE = {"log": "x" * (1 << 22)}


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two ends of a connection."""
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def fill(sock: socket.socket) -> None:
    """Send until the other side, which does not read, is behind."""
    with suppress(BlockingIOError):
        while True:
            sock.send(b"x" * 65536, socket.MSG_DONTWAIT)


def test_several_at_once(sockets: tuple[socket.socket, socket.socket]) -> None:
    """Messages that come together, and one that comes in parts, are read one by one."""
    here, there = sockets
    there.sendall(b'{"a": 1}\n{"b": 2}\n{"c"')
    channel = MessageChannel(here)
    assert [channel.receive(), channel.receive()] == [{"a": 1}, {"b": 2}]
    there.sendall(b": 3}\n")
    assert channel.receive(5) == {"c": 3}


def test_large(sockets: tuple[socket.socket, socket.socket]) -> None:
    """A message that is larger than the system's buffers arrives."""
    here, there = sockets
    sender = threading.Thread(target=MessageChannel(there).send, args=(_LARGE, 30))
    sender.start()
    assert MessageChannel(here).receive(30) == _LARGE
    sender.join()


@pytest.mark.parametrize("start", [b"", b'{"half": '])
def test_silence(sockets: tuple[socket.socket, socket.socket], start: bytes) -> None:
    """Nothing, and half a message, end at the bound."""
    here, there = sockets
    there.sendall(start)
    with pytest.raises(TimeoutError):
        MessageChannel(here).receive(0.1)


def test_a_byte_at_a_time(sockets: tuple[socket.socket, socket.socket]) -> None:
    """The bound is for the whole message, however often a byte of it comes."""
    here, there = sockets
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.02):
            there.sendall(b" ")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        with pytest.raises(TimeoutError):
            MessageChannel(here).receive(0.3)
    finally:
        over.set()
        dripping.join()


def test_who_does_not_read(sockets: tuple[socket.socket, socket.socket]) -> None:
    """A message to somebody who does not read ends at the bound."""
    with pytest.raises(TimeoutError):
        MessageChannel(sockets[0]).send(_LARGE, 0.1)


def test_gone(sockets: tuple[socket.socket, socket.socket]) -> None:
    """The end of the other side is no message, also after half of one."""
    here, there = sockets
    there.sendall(b'{"half": ')
    there.close()
    assert MessageChannel(here).receive() is None


def test_progress_for_who_does_not_read(sockets: tuple[socket.socket, socket.socket]) -> None:
    """A client that reads nothing misses its progress, and holds up nobody who tells it to several."""
    client = _ClientConnection(MessageChannel(sockets[0]), "1", None)  # type: ignore[arg-type]  # nothing is asked of it
    fill(sockets[0])
    teller = threading.Thread(target=client._send_progress, args=("starting",), daemon=True)
    teller.start()
    teller.join(20)
    assert not teller.is_alive()


def test_busy(sockets: tuple[socket.socket, socket.socket]) -> None:
    """A client that waits is told that it is being worked for, and one that does not is not."""
    client, reader = _ClientConnection(MessageChannel(sockets[0]), "1", None), MessageChannel(sockets[1])  # type: ignore[arg-type]  # as above
    client.send_busy()
    with pytest.raises(TimeoutError):
        reader.receive(0.2)
    client._busy = True
    client.send_busy()
    assert reader.receive(5) == BUSY


def test_answer_that_comes_too_late(
    sockets: tuple[socket.socket, socket.socket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has given up asks no more: the late answer would be taken for that to something else."""
    monkeypatch.setattr(supervisor, "_SILENT_SECONDS", 0.1)
    address = SupervisorAddress(tmp_path)
    address.lock.write_text(f"{owner.MARK}\n/the/project")
    assert address.holder() == (owner.MARK, "/the/project")
    client = supervisor._SocketClient(sockets[0], address, lambda _: None)
    named = f"process {owner.MARK.partition('_')[0]} holds the servers and does not answer"
    with pytest.raises(supervisor.SupervisorUnanswered, match=named):
        client.warm([])
    sockets[1].sendall(b'{"ok": null}\n')
    with pytest.raises(supervisor.SupervisorUnanswered, match=named):
        client.warm([])


def test_lock_of_a_process_that_has_ended(tmp_path: Path) -> None:
    """It is nobody's, and neither is one without a mark."""
    address = SupervisorAddress(tmp_path)
    assert address.holder() == ("", "")
    for text in ("", "1_1\n/the/project", "nothing"):
        address.lock.write_text(text)
        assert address.holder() == ("", "")
