"""Engines that are slow, silent or elsewhere: bounded, and named."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from test_framework.providers.docker.probe import probe
from test_framework.resolution import Code
from tests.support.engines import PATIENT, PING, Net, Talk, at, drip, found, refused, refused_at_once, silent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class TestHung:
    """Something listens, and no answer comes in time."""

    def test_daemon_that_never_answers(self, net: Net, home: Path) -> None:
        """A daemon that accepts and is silent is hung, and the message says for how long it was asked."""
        path = net.unix(silent)

        reason = refused(at(path), home)

        assert reason.code is Code.DAEMON_HUNG
        assert str(path) in reason.message
        assert "1 s" in reason.message

    def test_connection_does_not_outlive_the_probe(self, net: Net, home: Path) -> None:
        """The connection to a daemon that hangs is closed when the time is over."""
        closed = threading.Event()

        def wait_for_the_end(connection: socket.socket) -> None:
            silent(connection)
            closed.set()

        refused(at(net.unix(wait_for_the_end)), home)

        assert closed.wait(20)

    def test_daemon_that_never_accepts(self, net: Net, home: Path) -> None:
        """A full queue of connections is a hung daemon."""
        path = net.path()
        net.full(socket.AF_UNIX, str(path))

        reason = refused(at(path), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "accepts no connection" in reason.message

    def test_queue_that_empties_in_time(self, net: Net, home: Path) -> None:
        """A daemon whose queue is full for a moment is healthy."""
        path = net.path()
        listener = net.full(socket.AF_UNIX, str(path))

        def accept_late() -> None:
            time.sleep(0.3)
            net.accept(listener, Talk())

        threading.Thread(target=accept_late, daemon=True).start()

        assert found(at(path), home).version == "28.2.2"

    def test_daemon_that_answers_byte_by_byte(self, net: Net, home: Path) -> None:
        """Each byte in time does not make the whole in time."""
        assert refused(at(net.unix(drip)), home).code is Code.DAEMON_HUNG

    def test_daemon_that_answers_the_ping_only(self, net: Net, home: Path) -> None:
        """A daemon that hangs at the second question is hung, within the same second."""

        def ping_only(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING)
            silent(connection)

        reason = refused(at(net.unix(ping_only)), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "/version" in reason.message

    def test_body_that_never_comes(self, net: Net, home: Path) -> None:
        """An answer that promises more than it brings is hung."""

        def half(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:-1])
            silent(connection)

        assert refused(at(net.unix(half)), home).code is Code.DAEMON_HUNG

    def test_tcp_daemon_that_never_answers(self, net: Net, home: Path) -> None:
        """A port that accepts and is silent is hung, not unreachable."""
        port = net.tcp(silent)

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home)

        assert reason.code is Code.DAEMON_HUNG
        assert str(port) in reason.message

    def test_budget_is_the_callers(self, net: Net, home: Path) -> None:
        """An engine that is too slow for a short budget, which the message names, is in time for a long one."""
        slow = at(net.unix(Talk(wait=0.6)))

        assert "0.2 s" in refused(slow, home, seconds=0.2).message
        assert found(slow, home).version == "28.2.2"


class TestRemote:
    """Engines on the network that cannot be reached."""

    def test_port_refuses(self, home: Path) -> None:
        """A port that nobody listens on is unreachable, and named."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        reason = refused_at_once({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert f"tcp://127.0.0.1:{port}" in reason.message
        assert "refused" in reason.message

    def test_connection_is_never_made(self, net: Net, home: Path) -> None:
        """A machine that drops connections is unreachable after the budget."""
        port = net.full(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "not made within 1 s" in reason.message

    def test_name_that_cannot_exist(self, home: Path) -> None:
        """A name that is no name is unreachable, and is never a traceback."""
        reason = refused_at_once({"DOCKER_HOST": "tcp://no..name:1"}, home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "no..name cannot be resolved" in reason.message

    def test_resolver_that_hangs(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time of the system's resolver counts too, although nothing can interrupt it."""
        over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait(PATIENT))

        reason = refused({"DOCKER_HOST": "tcp://far.example:1"}, home)
        over.set()

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "far.example is not resolved within 1 s" in reason.message

    def test_second_address_of_a_name_is_tried(self, net: Net, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A dead first address does not use up the time of the second."""
        dead = net.full(socket.AF_INET, ("127.0.0.1", 0)).getsockname()
        alive = ("127.0.0.1", net.tcp(Talk()))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (dead, alive)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)

        assert probe({"DOCKER_HOST": "tcp://two.example:1"}, home, seconds=4).version == "28.2.2"

    def test_named_pipe_is_refused(self, home: Path) -> None:
        """A Windows pipe is refused by name."""
        reason = refused({"DOCKER_HOST": "npipe://"}, home)

        assert reason.code is Code.BAD_DOCKER_HOST
        assert "docker_engine" in reason.message
