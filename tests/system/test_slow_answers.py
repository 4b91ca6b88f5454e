"""Whoever answers a byte at a time is given up within the bound for the whole answer, in headers and in bodies."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from test_framework import net
from test_framework.deadline import within
from test_framework.providers.docker.client import open_client
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services import _postgres_connection as postgres_connection
from test_framework.services._postgres_connection import ServerUnanswered, open_connection
from test_framework.services._resp import RedisConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.resolution import Endpoint

pytestmark = pytest.mark.timeout(60)

_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: application/json\r\n\r\n"


class Dripping:
    """Listens; says `start` at once and then, to whoever asks, a byte now and then, without end."""

    def __init__(self, listener: socket.socket, start: bytes) -> None:
        self._listener = listener
        self._start = start
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(self._start)
            while not self.over.wait(0.05):
                connection.sendall(b"x")


@contextmanager
def dripping(start: bytes, path: Path | None = None) -> Iterator[int]:
    """Yield the port of one, or let it listen at a path."""
    listener = socket.create_server(("127.0.0.1", 0)) if path is None else socket.socket(socket.AF_UNIX)
    with listener:
        if path:
            listener.bind(str(path))
            listener.listen()
        drips = Dripping(listener, start)
        yield 0 if path else listener.getsockname()[1]
        drips.over.set()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 O", _HEADERS], ids=["headers", "body"])
def test_http(start: bytes) -> None:
    """A question over HTTP."""
    with dripping(start) as port, pytest.raises(Refused) as caught:
        net.fetch(f"http://127.0.0.1:{port}/", "TEST", 0.5)
    assert caught.value.reason.code is Code.CONNECT_TIMEOUT
    assert "within 0.5 s" in caught.value.reason.message


def test_redis() -> None:
    """A question to Redis; what comes later is not taken for the answer to the next one."""
    with dripping(b"$100000\r\n") as port:
        connection = RedisConnection(f"redis://127.0.0.1:{port}", "TEST", 0.5)
        for _ in range(2):
            with pytest.raises(TimeoutError, match=r"no whole answer within 0\.5 s"):
                connection.ask("PING")


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 O", _HEADERS], ids=["headers", "body"])
def test_engine(tmp_path_factory: pytest.TempPathFactory, start: bytes) -> None:
    """A question of the docker SDK to an engine, which has a timeout for each packet alone."""
    path = tmp_path_factory.mktemp("e") / "s"
    with dripping(start, path):
        client = open_client({"DOCKER_HOST": f"unix://{path}"}, "1.41", {}, 1)
        with pytest.raises(TimeoutError, match=r"to GET /v1\.41/images/x/json, has not answered within 2 s"):
            client.images.get("x")


def test_postgres_that_answers_nobody(postgres: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is given up when a server that is asked once more does not let anybody in."""
    monkeypatch.setattr(postgres_connection, "_QUIET_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, open_connection(postgres.url) as connection:
        nobody = make_conninfo(host="127.0.0.1", port=silent.getsockname()[1])
        monkeypatch.setattr(type(connection.info), "dsn", property(lambda _: nobody))
        with pytest.raises(ServerUnanswered, match="no answer for"):
            connection.execute("SELECT pg_sleep(50)")
        assert connection.closed


def test_postgres_that_is_busy(postgres: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long statement is waited for while the server lets others in, up to a bound of its own."""
    monkeypatch.setattr(postgres_connection, "_QUIET_SECONDS", 0.2)
    with open_connection(postgres.url) as connection:
        assert connection.execute("SELECT 1 FROM pg_sleep(1)").fetchone() == (1,)
        monkeypatch.setattr(postgres_connection, "STATEMENT_SECONDS", 0.5)
        with pytest.raises(ServerUnanswered, match="no answer for"):
            connection.execute("SELECT pg_sleep(50)")


def test_within() -> None:
    """What somebody else's code does is waited for no longer; what it returns or raises in time is passed on."""
    over = threading.Event()
    assert within(10, "it", lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        within(10, "it", lambda: 1 / 0)
    with pytest.raises(TimeoutError, match=r"it has not answered within 0\.1 s"):
        within(0.1, "it", lambda: over.wait(30))
    over.set()
