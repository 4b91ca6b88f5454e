"""The handshake of a WebSocket is a step, and tells one from a server that only speaks HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
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
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
            Code.WRONG_SERVICE,
            "not a WebSocket",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            Code.WRONG_SERVICE,
            "101 at /ws: invalid Upgrade header: h2c",
        ),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", Code.WRONG_SERVICE, "404 at /ws"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Code.HTTP_ERROR, "503"),
        (b"220 mail.invalid ESMTP\r\n", Code.WRONG_SERVICE, "not an HTTP server"),
    ],
    ids=["page", "nothing there", "wrong proof", "another protocol", "old", "in trouble", "mail"],
)
def test_what_is_none(answer: bytes, code: Code, told: str) -> None:
    """The reason says what answers there instead."""
    with answering(answer) as port:
        step = last(port)
    assert step.name == "websocket"
    assert step.reason is not None
    assert step.reason.code is code
    assert told in step.reason.message


def test_an_address_that_no_client_takes() -> None:
    """It is told without the name in it, which may be a token."""
    with answering(b"") as port:
        step = check(f"ws://hunter2@127.0.0.1:{port}/ws", SOURCE, (), {})[-1]
    assert step.name == "websocket"
    assert step.reason is not None
    assert step.reason.message == "the address:? is not usable: username provided without password"


_WITHOUT = """
import json, sys
sys.modules["websockets"] = None
from test_framework.staging.steps import check
print(json.dumps([[step.name, step.reason and step.reason.to_json()] for step in check(sys.argv[1], "URL", (), {})]))
"""


def test_without_the_library_the_step_says_what_to_install() -> None:
    """What needs no library has been looked at by then, and nothing is asked."""
    with answering(b"") as port:
        command = [sys.executable, "-c", _WITHOUT, f"ws://127.0.0.1:{port}/ws"]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    *before, (name, reason) = json.loads(run.stdout)
    assert before == [["configuration", None], ["name", None], ["tcp", None]]
    assert (name, reason["code"], reason["kind"]) == ("websocket", "sdk-missing", "unavailable")
    assert reason["remedy"] == "Run: pip install 'pytest-tiers[e2e]'"
