"""A password or a token goes to the deployment that it is for, and nowhere else that an answer names."""

from __future__ import annotations

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

import pytest

from test_framework.e2e.auth import AuthClient, Tokens
from test_framework.e2e.deployment import BadDeployment, Deployment
from test_framework.e2e.errors import ApiError, HandshakeRefused
from test_framework.e2e.user import User
from test_framework.e2e.websocket import AsyncWebSocketClient, WebSocketClient
from test_framework.reach import parse_url, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-ours"  # no real one
STATUSES = (301, 302, 303, 307, 308)


class Server(ThreadingHTTPServer):
    """Answers everything with one status, and remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.location = ""
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """See `Server`."""

    server: Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.heard.append(f"{self.requestline}\n{self.headers}{body}")
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815  # the library's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """Return a server that redirects, and the one that it redirects to."""
    near, far = Server(), Server()
    for server in (near, far):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield near, far
    for server in (near, far):
        server.shutdown()
        server.server_close()


def deployment(server: Server) -> Deployment:
    """Return the deployment at a server."""
    return Deployment(server.url, server.url, f"{server.url.replace('http', 'ws')}/ws")


def user(server: Server) -> User:
    """Return somebody who is logged in there."""
    return User(deployment(server), "1", "me@example.org", "a-password", Tokens(TOKEN, "refresh", 60))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("via", ["header", "subprotocol"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_websocket_takes_a_token_along(
    servers: tuple[Server, Server], status: int, via: Literal["header", "subprotocol"], kind: str
) -> None:
    """A redirect is an answer like any other that is no WebSocket."""
    near, far = servers
    near.status, near.location = status, f"{far.url.replace('http', 'ws')}/ws"

    def connect() -> object:
        if kind == "sync":
            return WebSocketClient.connect(deployment(near), TOKEN, via=via)
        return asyncio.run(AsyncWebSocketClient.connect(deployment(near), TOKEN, via=via))

    with pytest.raises(HandshakeRefused, match=str(status)):
        connect()
    assert len(near.heard) == 1
    assert far.heard == []


@pytest.mark.parametrize("status", STATUSES)
def test_no_login_is_redirected(servers: tuple[Server, Server], status: int) -> None:
    """A redirect is an error, and the password stays here."""
    near, far = servers
    near.status, near.location = status, f"{far.url}/auth/login"
    with AuthClient(deployment(near)) as client, pytest.raises(ApiError, match=str(status)):
        client.login("me@example.org", "a-password")
    assert far.heard == []


@pytest.mark.parametrize("status", STATUSES)
def test_no_request_is_redirected_elsewhere(servers: tuple[Server, Server], status: int) -> None:
    """Not where a test lets its client follow redirects either; within the deployment it may."""
    near, far = servers
    near.status, near.location = status, f"{far.url}/threads"
    with user(near) as somebody, pytest.raises(BadDeployment, match=far.url):
        somebody.request("POST", "/threads", json={"password": "a-password"}, follow_redirects=True)
    assert far.heard == []


def test_an_address_in_an_answer_is_not_followed_elsewhere(servers: tuple[Server, Server]) -> None:
    """The token is for the deployment, whatever it says of where something is; its own addresses are fine."""
    near, far = servers
    with user(near) as somebody:
        assert somebody.request("GET", f"{near.url}/threads").status_code == 200
        with pytest.raises(BadDeployment, match=far.url) as caught:
            somebody.request("GET", f"{far.url}/threads")
    assert TOKEN not in str(caught.value)
    assert TOKEN in near.heard[0]
    assert far.heard == []


def test_of_several_addresses_that_of_a_server_is_taken() -> None:
    """`localhost` may mean IPv6 first, and the server listen on IPv4 alone."""
    both = [(0, 0, 0, "", ("::1", 0)), (0, 0, 0, "", ("127.0.0.1", 0))]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        address = parse_url(f"redis://localhost:{port}/0", {})
        assert reach(address, "REDIS_URL", (), lambda *_: both).url == f"redis://127.0.0.1:{port}/0"
