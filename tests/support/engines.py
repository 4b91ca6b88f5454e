"""Engines that are not there, or not well: real sockets, and what answers on them."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.probe import Engine, probe
from test_framework.resolution import Reason, Refused

__all__ = [
    "CHUNKED",
    "DIAL",
    "ON_A_TERMINAL",
    "PATIENT",
    "PING",
    "PROJECT",
    "SSH_TO_SOCKET",
    "VERSION",
    "Handler",
    "Net",
    "Talk",
    "alive",
    "answer",
    "at",
    "drip",
    "ends_soon",
    "found",
    "home",
    "net",
    "refused",
    "refused_at_once",
    "silent",
    "sockets",
    "ssh",
]

PATIENT = 60.0
"""Seconds for a probe that ends long before, however busy the machine is."""

_SOON = 20.0
"""Seconds within which a probe ends on a busy machine, far from its own one second and from the docker SDK's 60."""


PROJECT = Path(__file__).parents[2]


VERSION = {"Version": "28.2.2", "ApiVersion": "1.50", "MinAPIVersion": "1.24", "Os": "linux", "Components": []}


Handler = Callable[[socket.socket], None]


def answer(
    body: object = b"OK", status: str = "200 OK", headers: Mapping[str, str] | None = None, *, close: bool = False
) -> bytes:
    """Return a whole HTTP answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(data)), **({"Connection": "close"} if close else {}), **(headers or {})}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + data


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % b"".join(
    b"1\r\n%c\r\n" % byte for byte in json.dumps(VERSION).encode()
)


PING = answer(headers={"Api-Version": "1.50", "Ostype": "linux", "Server": "Docker/28.2.2 (linux)"})


class Talk:
    """Answers each request with what belongs to its path, and remembers the paths."""

    def __init__(
        self, ping: bytes = PING, version: bytes | None = None, *, wait: float = 0, hang_up: bool = False
    ) -> None:
        self.answers = {"/_ping": ping, "/version": version or answer(VERSION)}
        self.wait = wait
        self.hang_up = hang_up
        self.heard: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection until the other side closes it."""
        buffer = b""
        while data := connection.recv(4096):
            buffer += data
            while b"\r\n\r\n" in buffer:
                request, _, buffer = buffer.partition(b"\r\n\r\n")
                path = request.split()[1].decode()
                self.heard.append(path)
                time.sleep(self.wait)
                # The SDK puts the version of the API before every path.
                connection.sendall(self.answers.get(f"/{path.rpartition('/')[2]}", answer({}, "404 Not Found")))
                if self.hang_up:
                    return


def silent(connection: socket.socket) -> None:
    """Accept and say nothing until the other side goes."""
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    """Answer correctly, at a byte each tenth of a second."""
    with suppress(OSError):
        for byte in PING:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)


class Net:
    """Makes listening sockets and closes them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self._count = 0

    def path(self) -> Path:
        """Return a fresh short path."""
        self._count += 1
        return self.folder / f"{self._count}.sock"

    def unix(self, handler: Handler, path: Path | None = None) -> Path:
        """Serve on a unix socket."""
        path = path or self.path()
        self._serve(socket.socket(socket.AF_UNIX), str(path), handler)
        return path

    def tcp(self, handler: Handler) -> int:
        """Serve on a port of the loopback network."""
        listener = socket.socket()
        self._serve(listener, ("127.0.0.1", 0), handler)
        return int(listener.getsockname()[1])

    def full(self, family: socket.AddressFamily, address: object) -> socket.socket:
        """Listen without accepting, with a queue that is full."""
        listener = self._stack.enter_context(socket.socket(family))
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(0)
        for _ in range(8):
            client = self._stack.enter_context(socket.socket(family))
            client.settimeout(0)
            with suppress(BlockingIOError):
                client.connect(listener.getsockname())
        return listener

    def accept(self, listener: socket.socket, handler: Handler) -> None:
        """Serve on a socket that listens, until it is closed."""

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                handler(connection)

        def stop() -> None:
            # Closing a socket does not wake a thread that waits in accept; shutting it down does.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

        self._stack.callback(stop)
        threading.Thread(target=accept, daemon=True).start()

    def _serve(self, listener: socket.socket, address: object, handler: Handler) -> None:
        self._stack.enter_context(listener)
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(16)
        self.accept(listener, handler)


@pytest.fixture
def net() -> Iterator[Net]:
    """Give sockets in a folder whose path is short enough for them."""
    with ExitStack() as stack:
        yield Net(stack, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="probe"))))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return an empty home folder."""
    return tmp_path


def at(path: Path) -> dict[str, str]:
    """Return the environment that names a socket."""
    return {"DOCKER_HOST": f"unix://{path}"}


def found(env: Mapping[str, str], home: Path) -> Engine:
    """Return the engine that the probe finds, for which it has all the time that a busy machine may need."""
    return probe(env, home, seconds=PATIENT)


def refused(env: Mapping[str, str], home: Path, **seconds: float) -> Reason:
    """Return why the probe refuses, which it has to do in its own time."""
    with ends_soon(), pytest.raises(Refused) as caught:
        probe(env, home, **seconds)
    return caught.value.reason


def refused_at_once(env: Mapping[str, str], home: Path) -> Reason:
    """Return why the probe refuses, for which it must not wait until its time is over."""
    return refused(env, home, seconds=PATIENT)


@contextmanager
def ends_soon() -> Iterator[None]:
    """Check that the block has waited for nothing that ends later."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun <= _SOON


def sockets(*paths: Path) -> list[Candidate]:
    """Return candidates in this order."""
    return [Candidate(f"socket {number}", f"unix://{path}", None) for number, path in enumerate(paths, 1)]


ON_A_TERMINAL = """
import json, os, sys
from test_framework.providers.docker.probe import probe
from test_framework.resolution import Refused
os.open(sys.argv[1], os.O_RDWR)  # the first terminal that the leader of a session opens becomes its own
try:
    probe(json.loads(sys.argv[2]))
except Refused as refused:
    print(json.dumps(refused.reason.to_json()))
"""


@pytest.fixture
def ssh(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that installs a program as `ssh` and gives the environment that finds it."""

    def install(script: str) -> dict[str, str]:
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(script)
        program.chmod(0o755)
        return {"DOCKER_HOST": "ssh://dev@far.example:2222", "PATH": f"{program.parent}:{os.environ['PATH']}"}

    return install


DIAL = "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect"


SSH_TO_SOCKET = f"""#!{sys.executable}
# As dial-stdio does: standard input and output to and from the daemon's socket.
import json, os, socket, sys, threading
open({{arguments!r}}, "w").write(json.dumps([os.getpid(), *sys.argv[1:]]))
daemon = socket.socket(socket.AF_UNIX)
daemon.connect({{path!r}})
def up():
    while data := os.read(0, 4096):
        daemon.sendall(data)
    daemon.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := daemon.recv(4096):
    os.write(1, data)
"""


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody waited for yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
