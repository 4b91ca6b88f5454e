"""What a test without network may not do, what it may, and that nothing of it is left when the test is over."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
import urllib.request
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING

import psycopg
import pytest
from redis import Redis

from test_framework.plugin.network import NetworkBlocked, blocked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOWHERE = ("127.0.0.1", 1)
URL = "postgresql://app:hunter2@127.0.0.1:1/db"


def tcp(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """Return a socket that is closed when nobody has it any more."""
    return socket.socket(family, socket.SOCK_STREAM)


def connect() -> None:
    """Connect a socket."""
    with tcp() as sock:
        sock.connect(NOWHERE)


def connect_ex() -> None:
    """Connect a socket, with an error number for an answer."""
    with tcp() as sock:
        sock.connect_ex(NOWHERE)


def connect_6() -> None:
    """Connect a socket over IPv6."""
    with tcp(socket.AF_INET6) as sock:
        sock.connect(("::1", 1))


def connect_tls() -> None:
    """Connect a socket that speaks TLS."""
    context = ssl.create_default_context()
    with tcp() as sock, context.wrap_socket(sock, server_hostname="localhost") as secure:
        secure.connect(NOWHERE)


def send_to() -> None:
    """Send a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", NOWHERE)


def send_to_with_flags() -> None:
    """Send a datagram with flags before its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", 0, NOWHERE)


def create_connection() -> None:
    """Connect as most libraries do."""
    socket.create_connection(NOWHERE, timeout=1).close()


def open_connection() -> None:
    """Connect as asyncio does."""
    asyncio.run(asyncio.wait_for(asyncio.open_connection(*NOWHERE), 1))


def open_url() -> None:
    """Ask an HTTP server."""
    urllib.request.urlopen("http://127.0.0.1:1", timeout=1).close()


def ask_redis() -> None:
    """Ask Redis."""
    with Redis(host=NOWHERE[0], port=NOWHERE[1], socket_timeout=1) as client:
        client.ping()


def ask_postgres() -> None:
    """Ask Postgres, whose driver connects past Python's sockets."""
    psycopg.connect(URL).close()


def ask_postgres_by_class() -> None:
    """Ask Postgres by the driver's class."""
    psycopg.Connection.connect(URL).close()


def ask_postgres_async() -> None:
    """Ask Postgres by the driver's class for asyncio."""

    async def ask() -> None:
        await (await psycopg.AsyncConnection.connect(URL)).close()

    asyncio.run(ask())


@pytest.mark.parametrize(
    "way",
    [
        connect,
        connect_ex,
        connect_6,
        connect_tls,
        send_to,
        send_to_with_flags,
        create_connection,
        open_connection,
        open_url,
        ask_redis,
        ask_postgres,
        ask_postgres_by_class,
        ask_postgres_async,
    ],
)
def test_no_way_leads_out(way: Callable[[], None]) -> None:
    """Each is refused with the name of the test, not with an error that code under test would handle."""
    with blocked("t.py::test_it", "quick"), pytest.raises(NetworkBlocked) as caught:
        way()
    text = str(caught.value)
    assert text.startswith("t.py::test_it asks for no service, and the tier 'quick' has no network")
    assert not isinstance(caught.value, OSError)


def test_the_refusal_says_what_to_do() -> None:
    """It names the address and the three ways out, and no password."""
    with blocked("t.py::test_it", "quick"):
        with pytest.raises(NetworkBlocked, match=r"connect to \('127\.0\.0\.1', 1\)") as caught:
            connect()
        with pytest.raises(NetworkBlocked, match=r"psycopg\.connect") as caught_too:
            ask_postgres()
    for text in (str(caught.value), str(caught_too.value)):
        assert "requires(...)" in text
        assert "move it to another tier" in text
        assert "network = true in [tool.test_framework.tiers.quick]" in text
        assert "hunter2" not in text


def test_sockets_of_this_machine_work(tmp_path: Path) -> None:
    """Pairs and UNIX sockets, with data and datagrams, are no network."""
    path = str(tmp_path / "s")
    with blocked("t.py::test_it", "quick"):
        one, other = socket.socketpair()
        with one, other:
            one.sendall(b"x")
            assert other.recv(1) == b"x"
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(path)
            server.listen()
            client.connect(path)
            assert client.connect_ex(path) != 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(f"{path}2")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"y", f"{path}2")
            assert receiver.recv(1) == b"y"


def test_an_event_loop_works() -> None:
    """It has a pair of sockets of its own."""
    with blocked("t.py::test_it", "quick"):
        assert asyncio.run(asyncio.sleep(0, "done")) == "done"


def test_a_socket_that_was_refused_is_closed() -> None:
    """Whoever gives up on an OSError would close it; this is none."""
    with closing(tcp()) as sock, blocked("t.py::test_it", "quick"):
        with pytest.raises(NetworkBlocked):
            sock.connect(NOWHERE)
        assert sock.fileno() == -1


def test_it_holds_for_every_thread() -> None:
    """A connection that a thread opens is refused there."""
    caught: list[BaseException] = []

    def try_it() -> None:
        try:
            connect()
        except NetworkBlocked as error:
            caught.append(error)

    with blocked("t.py::test_it", "quick"):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert len(caught) == 1


@pytest.mark.parametrize("error", [None, ValueError])
def test_everything_is_put_back(error: type[Exception] | None) -> None:
    """Also after an error: the very methods that were there before, and none more."""

    def state() -> list[object]:
        owners = (socket.socket, psycopg, psycopg.Connection, psycopg.AsyncConnection)
        return [dict(vars(owner)) for owner in owners]

    before = state()
    with pytest.raises(ValueError, match="x") if error else blocked("a", "b"), blocked("t.py::test_it", "quick"):
        assert state() != before
        if error:
            raise error("x")
    assert state() == before


def test_a_driver_that_is_imported_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It connects in C, past Python's sockets, and may not either, also where one block is within another."""
    (tmp_path / "psycopg2.py").write_text("def connect():\n    return 'connected'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "psycopg2", raising=False)
    with blocked("outer", "quick"):
        with blocked("inner", "quick"):
            driver = import_module("psycopg2")
            with pytest.raises(NetworkBlocked, match=r"^inner .* psycopg2\.connect"):
                driver.connect()
        with pytest.raises(NetworkBlocked, match=r"^outer"):
            driver.connect()
    monkeypatch.delitem(sys.modules, "psycopg2")


def test_one_block_within_another() -> None:
    """The inner one ends without ending the outer one, as in a run of pytest within a test."""
    with blocked("outer", "quick"):
        with blocked("inner", "quick"), pytest.raises(NetworkBlocked, match=r"^inner"):
            connect()
        for way in (connect, connect_ex, send_to, ask_postgres):
            with pytest.raises(NetworkBlocked, match=r"^outer"):
                way()
