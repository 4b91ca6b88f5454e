"""A socket in front of the machine's own engine that hands requests on, and answers some of them in its own way."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from test_framework.providers.docker.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.engines import Net

__all__ = ["FORBIDDEN", "EngineProxy"]

FORBIDDEN = (
    b"HTTP/1.0 403 Forbidden\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n"
    b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
)
"""What HAProxy says in tecnativa/docker-socket-proxy to a request that it does not let through."""


class EngineProxy:
    """Hands one request per connection on to the engine.

    Attributes:
        env: The environment that names it.
        heard: Method and path of each request, without the version of the API.
        answer: Called with the same; returns what to say in the engine's place, or None to ask the engine.
            Empty bytes close the connection without a word.
        deaf: Called with the same; whether the engine is asked, and its answer is lost.
        change: Called with the same and the engine's whole answer; returns the answer to give. Only for requests
            that it says it wants, by `changes`.
    """

    def __init__(self, net: Net, env: Mapping[str, str]) -> None:
        self._engine = probe(env).candidate.path
        self.path: Path = net.path()
        self.heard: list[str] = []
        self.answer: Callable[[str], bytes | None] = lambda _: None
        self.deaf: Callable[[str], bool] = lambda _: False
        self.changes: Callable[[str], bool] = lambda _: False
        self.change: Callable[[str, bytes], bytes] = lambda _, data: data
        net.unix(self._serve, self.path)
        self.env = {"DOCKER_HOST": f"unix://{self.path}"}

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        method, path = head.split(b" ", 2)[:2]
        asked = f"{method.decode()} {re.sub(r'^/v[0-9.]+/', '/', path.decode())}"
        self.heard.append(asked)
        said = self.answer(asked)
        if said is not None:
            client.sendall(said)
            return
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self._engine)
            # So that each request comes by a connection of its own, and passes through here.
            lines, end, body = head.partition(b"\r\n\r\n")
            lines = re.sub(rb"\r\n[Cc]onnection: keep-alive", b"", lines)
            upgrades = b"upgrade" in lines.lower()
            engine.sendall(lines + (b"" if upgrades else b"\r\nConnection: close") + end + body)
            threading.Thread(target=_pump, args=(client, engine), daemon=True).start()
            if self.deaf(asked):
                engine.recv(65536)
                # Closing it would not tell the other side for as long as the thread above reads from it.
                client.shutdown(socket.SHUT_RDWR)
                return
            if not self.changes(asked):
                _pump(engine, client)
                return
            whole = b""
            while data := engine.recv(65536):
                whole += data
            client.sendall(self.change(asked, whole))


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
