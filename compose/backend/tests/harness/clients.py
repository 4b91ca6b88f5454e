"""Clients of a backend: a person with tokens, and his WebSocket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

__all__ = ["FIVE", "PASSWORD", "REDIRECT", "Api", "Person", "Socket"]

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
REDIRECT = "http://127.0.0.1:3000/callback"
PASSWORD = "correct horse battery staple"

_SECONDS = 60.0
"""Bound on what comes at once, far above what it takes on a busy machine."""


class Socket:
    """A WebSocket that speaks in dictionaries; `ping` and `pong` messages are left out."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, **message: Any) -> None:
        """Send a message."""
        self.connection.send(json.dumps(message))

    def next(self, seconds: float = _SECONDS) -> dict[str, Any]:
        """Return the next message."""
        deadline = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(self.connection.recv(max(0.0, deadline - time.monotonic())))
            if message["type"] not in ("ping", "pong"):
                return message

    def until(self, kind: str, seconds: float = _SECONDS) -> list[dict[str, Any]]:
        """Return the messages up to the first of that type."""
        found = [self.next(seconds)]
        while found[-1]["type"] != kind:
            found.append(self.next(seconds))
        return found

    def run(self, text: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Send a message; return what it was accepted as, and the events of its run."""
        self.send(type="user_message", id=more.pop("id", uuid4().hex), text=text, **more)
        accepted, *events = self.until("agent_completed")
        assert accepted["type"] == "accepted", accepted
        return accepted, events

    def silent(self, seconds: float) -> bool:
        """Say whether nothing comes for so long."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def closing(self, seconds: float = _SECONDS) -> tuple[int, list[dict[str, Any]]]:
        """Wait for the end; return its code and the messages before it."""
        messages = []
        deadline = time.monotonic() + seconds
        try:
            while True:
                messages.append(self.next(max(0.0, deadline - time.monotonic())))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006, messages


@dataclass
class Person:
    """A user with an account."""

    api: Api
    email: str
    id: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request with the access token."""
        return self.api.http.request(method, path, headers=self.headers, **more)

    def thread(self, title: str = "a thread") -> str:
        """Make a thread; return its id."""
        return str(self.ask("POST", "/threads", json={"title": title}).raise_for_status().json()["id"])

    @contextmanager
    def socket(self, *, ready: bool = True) -> Iterator[Socket]:
        """Connect with the token in the header; the first message, `ready`, is taken off."""
        with self.api.socket(additional_headers=self.headers) as socket:
            if ready:
                assert socket.next()["type"] == "ready"
            yield socket


class Api:
    """A backend, by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    @cached_property
    def http(self) -> httpx.Client:
        """A client for its URL."""
        return httpx.Client(base_url=self.url, timeout=_SECONDS, trust_env=False)

    def person(self) -> Person:
        """Return somebody new who has logged in."""
        email = f"{uuid4().hex[:12]}@example.org"
        body = {"email": email, "password": PASSWORD}
        account = self.http.post("/auth/register", json=body).raise_for_status().json()
        return Person(self, email, account["id"], self.log_in(email))

    def log_in(self, email: str) -> dict[str, Any]:
        """Return the tokens of a new session."""
        body = {"email": email, "password": PASSWORD}
        tokens: dict[str, Any] = self.http.post("/auth/login", json=body).raise_for_status().json()
        return tokens

    @contextmanager
    def socket(self, **more: Any) -> Iterator[Socket]:
        """Connect without a token."""
        # Ping frames of the library are off: only what the protocol says keeps the connection.
        options = {"ping_interval": None, "close_timeout": 1, "proxy": None, "compression": None} | more
        with connect(self.url.replace("http", "ws", 1) + "/ws", **options) as connection:
            yield Socket(connection)

    def token_socket(self, token: str) -> Any:
        """Connect with a token in the header."""
        return self.socket(additional_headers={"Authorization": f"Bearer {token}"})
