"""The memory of what listens on a port of this machine, as a process with workers and as a container."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from test_framework.e2e.memory import MemoryUnknown, MemoryWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.resolution import Endpoint

SERVER = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
if os.fork():
    print(server.getsockname()[1], flush=True)
    kept = []
    while True:
        connection, _ = server.accept()
        kept.append(b"x" * 2 * 1024 * 1024)
        connection.close()
sys.stdin.read()
"""
"""Listens in two processes, as a server with workers does; it keeps two megabytes of each connection."""


@pytest.fixture
def greedy() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server that leaks, and its port."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, int(process.stdout.readline())
        process.kill()


def test_a_leak_of_a_process_is_found(greedy: tuple[subprocess.Popen[str], int]) -> None:
    """It grows by what each connection costs; the child, which listens too, is counted once."""
    process, port = greedy
    watch = MemoryWatch.of(f"http://127.0.0.1:{port}/path")
    server = psutil.Process(process.pid)
    family = [server, *server.children()]
    assert len(family) == 2
    assert watch.sample() == pytest.approx(sum(p.memory_info().rss for p in family) / 1024**2, abs=1)
    for _ in range(12):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            assert connection.recv(1) == b""
        watch.sample()
    assert watch.growth_per() == pytest.approx(2, abs=0.2)
    with pytest.raises(AssertionError, match="MB per session"):
        watch.check(1.0)


def test_a_process_that_is_gone_is_told(greedy: tuple[subprocess.Popen[str], int]) -> None:
    """It has no memory, and that is an error and not zero."""
    process, port = greedy
    watch = MemoryWatch.of(f"http://localhost:{port}")
    process.kill()
    process.wait(10)
    with pytest.raises(MemoryUnknown, match=f"process {process.pid} of the backend is gone"):
        watch.sample()


def test_a_port_on_which_nothing_listens_is_told() -> None:
    """With or without an engine to ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(MemoryUnknown, match=f"no process here listens on port {port}, and no"):
        MemoryWatch.of(f"http://127.0.0.1:{port}")


def test_a_server_is_found_however_it_was_started(backend: Endpoint, redis: Endpoint) -> None:
    """As a process or in a container: a Python with a web framework takes more than a small Redis."""
    small, large = (MemoryWatch.of(endpoint.url).sample() for endpoint in (redis, backend))
    assert 1 < small < large < 2000
