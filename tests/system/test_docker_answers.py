"""Answers of what is not a usable engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.resolution import Code
from tests.support.engine_proxy import FORBIDDEN
from tests.support.engines import PING, VERSION, Net, Talk, answer, at, refused_at_once, silent

if TYPE_CHECKING:
    import socket
    from pathlib import Path

NOT_DOCKER = {
    "page": (answer(b"<html><title>Welcome</title></html>", headers={"Content-Type": "text/html"}), "Welcome"),
    "no page": (answer(b"<html>Not Found</html>", "404 Not Found"), "404"),
    "moved": (answer(b"", "301 Moved", {"Location": "https://x/"}), "301"),
    "empty": (b"HTTP/1.1 204 No Content\r\n\r\n", "204"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    "garbage": (b"\x00\x01\x02garbage without an end", "garbage"),
    "status": (b"HTTP/1.1 hello\r\n\r\n", "hel"),
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "-3"),
    "long": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "1 MiB"),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20), "1 MiB"),
    "line": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "8192"),
    "headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "100 headers"),
}


class TestNotUsable:
    """Something answers, and it is not an engine that can be used."""

    @pytest.mark.parametrize(("ping", "why"), NOT_DOCKER.values(), ids=NOT_DOCKER)
    def test_not_docker(self, ping: bytes, why: str, net: Net, home: Path) -> None:
        """Whatever is not Docker is told at once, with a part of what it sent."""

        def send_and_stay(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(ping)
            silent(connection)

        path = net.unix(send_and_stay)

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.NOT_DOCKER
        assert str(path) in reason.message
        assert why in reason.message

    @pytest.mark.parametrize(
        "version",
        [
            answer(b"OK"),
            answer({"Version": "1"}),
            answer({**VERSION, "ApiVersion": "new"}),
            answer([]),
            answer(b"[" * 100_000),
            answer(b"<html></html>", "404 Not Found"),
        ],
    )
    def test_health_check_of_another_service(self, version: bytes, net: Net, home: Path) -> None:
        """A service that says OK to everything is not Docker."""
        path = net.unix(Talk(ping=answer(), version=version))

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.NOT_DOCKER
        assert "/version" in reason.message

    @pytest.mark.parametrize(
        ("ping", "why"),
        [
            (answer({"message": "disk I/O error"}, "500 Internal Server Error"), "500 disk I/O error"),
            (answer(b"Docker Desktop is paused", "503 Service Unavailable"), "503 Docker Desktop is paused"),
            (answer(b"", "500 Internal Server Error"), "500"),
        ],
    )
    def test_daemon_error_is_quoted(self, ping: bytes, why: str, net: Net, home: Path) -> None:
        """An engine in trouble is quoted."""
        reason = refused_at_once(at(net.unix(Talk(ping=ping))), home)

        assert reason.code is Code.DAEMON_ERROR
        assert why in reason.message

    def test_daemon_error_after_the_ping(self, net: Net, home: Path) -> None:
        """An engine that fails at the second question is in trouble, whatever its answer looks like."""
        reason = refused_at_once(at(net.unix(Talk(version=answer(b"teapot", "418 I'm a teapot")))), home)

        assert reason.code is Code.DAEMON_ERROR
        assert "/version answers 418 teapot" in reason.message

    @pytest.mark.parametrize(
        ("ping", "version", "why"),
        [
            (answer({"message": "denied by plugin"}, "403 Forbidden"), None, "GET /_ping: denied by plugin"),
            (FORBIDDEN, None, "GET /_ping answers 403"),
            (answer(b"who?", "401 Unauthorized"), None, "GET /_ping answers 401 who?"),
            (PING, FORBIDDEN, "GET /version answers 403"),
        ],
    )
    def test_engine_that_forbids(self, ping: bytes, version: bytes | None, why: str, net: Net, home: Path) -> None:
        """A proxy, or a plugin of the engine, that does not let us ask is no engine in trouble, and no stranger."""
        reason = refused_at_once(at(net.unix(Talk(ping=ping, version=version, hang_up=True))), home)

        assert reason.code is Code.DOCKER_FORBIDDEN
        assert why.rpartition(": ")[2] in reason.message
        assert why.partition(": ")[0] in reason.message

    def test_long_message_is_shortened(self, net: Net, home: Path) -> None:
        """A message of many lines becomes one short line."""
        ping = answer({"message": "line\n\x1b[31m" * 1000}, "500 Internal Server Error")

        message = refused_at_once(at(net.unix(Talk(ping=ping))), home).message

        assert len(message) < 400
        assert message.isprintable()
        assert message.endswith("…")

    def test_connection_closed_without_an_answer(self, net: Net, home: Path) -> None:
        """A socket that hangs up, as that of a stopped virtual machine, is an engine in trouble."""
        reason = refused_at_once(at(net.unix(lambda _: None)), home)

        assert reason.code is Code.DAEMON_ERROR
        assert "closes the connection without an answer" in reason.message
        assert "TLS" not in reason.message

    def test_answer_that_breaks_off(self, net: Net, home: Path) -> None:
        """Half an answer is an engine in trouble."""

        def half(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:30])

        reason = refused_at_once(at(net.unix(half)), home)

        assert reason.code is Code.DAEMON_ERROR
        assert "breaks off" in reason.message

    @pytest.mark.parametrize(
        "talk",
        [
            Talk(ping=answer(headers={"Api-Version": "1.50", "Ostype": "windows"})),
            Talk(ping=answer(), version=answer({**VERSION, "Os": "windows"})),
        ],
        ids=["ping", "version"],
    )
    def test_windows_containers(self, talk: Talk, net: Net, home: Path) -> None:
        """An engine with Windows containers cannot run the servers."""
        assert refused_at_once(at(net.unix(talk)), home).code is Code.WINDOWS_CONTAINERS

    def test_api_too_old(self, net: Net, home: Path) -> None:
        """An engine older than the SDK can speak to is told with both versions."""
        path = net.unix(Talk(version=answer({**VERSION, "ApiVersion": "1.9"})))

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.API_MISMATCH
        assert "API 1.9, but at least 1.24" in reason.message
