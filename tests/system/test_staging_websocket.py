"""The handshake of a WebSocket is a step, and tells one from a server that only speaks HTTP."""

from __future__ import annotations

import threading

import pytest
from websockets.sync.server import serve

from test_framework.reasons import Code
from test_framework.staging.steps import CheckStep, check
from tests.support.staging import answering

SOURCE = "STAGING_WEBSOCKET_URL"


def last(port: int) -> CheckStep:
    """Check a WebSocket and return the last step."""
    return check(f"ws://127.0.0.1:{port}/ws", SOURCE, (), {})[-1]


def test_a_real_one_passes() -> None:
    """A server that switches protocols, and proves that it has understood the question."""
    with serve(lambda _: None, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        taken = check(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws", SOURCE, (), {})
        server.shutdown()
        thread.join()
    assert [(s.name, s.reason) for s in taken] == [(n, None) for n in ("configuration", "name", "tcp", "websocket")]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_one_that_wants_a_login_first_passes(status: str) -> None:
    """Whether we get in is a step of its own."""
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        step = last(port)
    assert (step.name, step.reason) == ("websocket", None)


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Code.WRONG_SERVICE, "200 at /ws"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Code.WRONG_SERVICE, "404 at /ws"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: no\r\n\r\n",
            Code.WRONG_SERVICE,
            "not a WebSocket",
        ),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Code.HTTP_ERROR, "503"),
        (b"220 mail.invalid ESMTP\r\n", Code.WRONG_SERVICE, "not an HTTP server"),
    ],
    ids=["page", "nothing there", "wrong proof", "in trouble", "mail"],
)
def test_what_is_none(answer: bytes, code: Code, told: str) -> None:
    """The reason says what answers there instead."""
    with answering(answer) as port:
        step = last(port)
    assert step.name == "websocket"
    assert step.reason is not None
    assert step.reason.code is code
    assert told in step.reason.message
