"""Servers started as a person starts them, by nothing of ours: programs of this machine, and containers."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from test_framework import services
from tests.performance.measuring import CaseFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["DATABASE", "CannotStart", "Server", "containers", "none_there", "programs"]

DATABASE = "test"
_SECONDS = 60.0
_PORTS = {"postgres": 5432, "redis": 6379}
_LOGIN = b"\0\3\0\0" + b"user\0postgres\0database\0postgres\0\0"
_ASKED = {"postgres": ((len(_LOGIN) + 4).to_bytes(4) + _LOGIN, b"R"), "redis": (b"PING\r\n", b"+")}
"""A first question, and how the answer begins when the server is ready: see StartupMessage of PostgreSQL's protocol."""


class CannotStart(Exception):
    """What is needed for it is not on this machine."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that asks nobody for a password.

    Attributes:
        service: Its kind.
        version: Of its program.
        port: Of 127.0.0.1.
    """

    service: str
    version: str
    port: int

    @property
    def fields(self) -> dict[str, str]:
        """What a template of `exec --env` may name, after the service and a dot."""
        host, user, database = "127.0.0.1", "postgres", DATABASE
        if self.service == "redis":
            return {"url": f"redis://{host}:{self.port}/0", "host": host, "port": str(self.port)}
        url = f"postgresql://{user}@{host}:{self.port}/{database}"
        return {"url": url, "host": host, "port": str(self.port), "user": user, "database": database}

    @property
    def env(self) -> dict[str, str]:
        """What a person exports for the clients of it."""
        if self.service == "redis":
            return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port)}
        told = self.fields
        return {"PGHOST": told["host"], "PGPORT": told["port"], "PGUSER": told["user"], "PGDATABASE": DATABASE}


def none_there(wanted: Sequence[str]) -> None:
    """Make sure that no server answers at the usual port of these services; raises `CannotStart`."""
    for service in wanted:
        _port(_PORTS[service])


@contextmanager
def programs(wanted: Sequence[str], fixed: Mapping[str, int]) -> Iterator[list[Server]]:
    """Run servers by `initdb`, `postgres` and `redis-server` for the length of the block.

    Args:
        wanted: Services.
        fixed: The ports of some of them; of the others any is taken.

    Raises:
        CannotStart: A program is not installed, or a port is taken.
        CaseFailed: A server does not start.
    """
    starts = {"postgres": _postgres, "redis": _redis}
    with ExitStack() as stack:
        yield [stack.enter_context(starts[name](_port(fixed.get(name, 0)))) for name in wanted]


@contextmanager
def containers(wanted: Sequence[str], fixed: Mapping[str, int]) -> Iterator[list[Server]]:
    """Run servers by `docker run` for the length of the block; see `programs`."""
    with ExitStack() as stack:
        yield [stack.enter_context(_container(name, _port(fixed.get(name, 0)))) for name in wanted]


@contextmanager
def _postgres(port: int) -> Iterator[Server]:
    folder_of_programs = Path(_program("postgres")).resolve().parent
    # PostgreSQL does not run as root.
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="by-hand-", dir="/tmp") as text:
        folder = Path(text)
        if user:
            shutil.chown(folder, "nobody", "nogroup")
        data = str(folder / "data")
        _asked([folder_of_programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], **user)
        command: list[str | Path] = [folder_of_programs / "postgres", "-D", data, "-p", str(port), "-k", text]
        with _running("postgres", command, port, folder, **user):
            login = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
            _asked([folder_of_programs / "createdb", *login, DATABASE])
            yield Server("postgres", _version([command[0], "--version"]), port)


@contextmanager
def _redis(port: int) -> Iterator[Server]:
    program = _program("redis-server")
    with tempfile.TemporaryDirectory(prefix="by-hand-", dir="/tmp") as text:
        command = [program, "--port", str(port), "--save", "", "--dir", text]
        with _running("redis", command, port, Path(text)):
            yield Server("redis", _version([program, "--version"]), port)


@contextmanager
def _running(service: str, command: Sequence[str | Path], port: int, folder: Path, **user: Any) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            **user,
        )
    try:
        _wait(service, port, lambda: log.read_text(errors="replace") if process.poll() is not None else None)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _container(service: str, port: int) -> Iterator[Server]:
    name = f"by-hand-{service}-{uuid4().hex[:8]}"
    image = os.environ.get(f"TEST_FRAMEWORK_{service.upper()}_IMAGE") or services.get(service).default_image
    trusting = ["-e", "POSTGRES_HOST_AUTH_METHOD=trust", "-e", f"POSTGRES_DB={DATABASE}"]
    options = trusting if service == "postgres" else []
    try:
        _asked(["docker", "version"])
    except (CaseFailed, OSError) as error:
        raise CannotStart(f"docker version: {str(error).strip().splitlines()[-1]}") from error
    publish = f"127.0.0.1:{port}:{_PORTS[service]}"
    _asked(["docker", "run", "--detach", "--name", name, "--publish", publish, *options, image])
    try:
        _wait(service, port, lambda: None)
        program = "postgres" if service == "postgres" else "redis-server"
        yield Server(service, _version(["docker", "exec", name, program, "--version"]), port)
    finally:
        _asked(["docker", "rm", "--force", "--volumes", name])


def _program(name: str) -> str:
    """Return it from the PATH, or from where Debian keeps those of PostgreSQL; raises `CannotStart`."""
    debian = ":".join(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
    if found := shutil.which(name) or shutil.which(name, path=debian):
        return found
    raise CannotStart(f"there is no program {name} here to start by hand")


def _asked(command: Sequence[str | Path], **user: Any) -> str:
    """Run a command and return what it prints; raises `CaseFailed`."""
    if not user:
        return run(command, Path("/"), os.environ, _SECONDS)[1]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        cwd="/",
        **user,
    )
    if result.returncode:
        raise CaseFailed(result.stderr)
    return str(result.stdout)


def _version(command: Sequence[str | Path]) -> str:
    found = re.search(r"\d+\.\d+(\.\d+)?", _asked(command))
    if not found:
        raise CaseFailed(f"{command[0]} names no version")
    return found[0]


def _port(number: int) -> int:
    """Return that port, or any free one; raises `CannotStart` when it is taken."""
    with closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", number))
        except OSError as error:
            raise CannotStart(f"port {number} of this machine: {error.strerror}") from error
        return int(sock.getsockname()[1])


def _wait(service: str, port: int, ended: Callable[[], str | None]) -> None:
    """Wait until the server answers; raises `CaseFailed` when it has ended, with its log, or takes too long."""
    question, wanted = _ASKED[service]
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if (log := ended()) is not None:
            raise CaseFailed(f"{service} has ended:\n{log[-2000:]}")
        try:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=1)) as sock:
                sock.settimeout(1)
                sock.sendall(question)
                answer = sock.recv(1)
        except OSError:
            answer = b""
        if answer == wanted:
            return
        time.sleep(0.1)
    raise CaseFailed(f"{service} did not answer on port {port} within {_SECONDS:g} s")
