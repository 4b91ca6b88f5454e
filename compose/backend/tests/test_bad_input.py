"""Input that is wrong, odd or hostile: a proper error, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import re
import socket as sockets
import time
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from harness.clients import PASSWORD, Person
from harness.servers import Spawn, Start, Threaded, wait_until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

INJECTIONS = [
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    "%s %(user_id)s {0} {user_id} $1 :name",
    "a\r\nSet-Cookie: session=1\r\n\r\n<html>",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "*\r\nFLUSHALL\r\n",
    "${jndi:ldap://example.org/a}",
    "\u202e\ufeff \U0001f600 e\u0301",
    "\\x00 \\u0000 \x1b[31m \x7f",
]


def usable(somebody: Person) -> None:
    """The server serves on."""
    assert somebody.ask("GET", "/users/me").json()["id"] == somebody.id


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_is_data(backend: Threaded, somebody: Person, text: str) -> None:
    """What would be a statement, a header or markup elsewhere comes back letter by letter, and harms nobody."""
    kept = somebody.thread("kept")
    body = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD, "name": text}
    account = backend.http.post("/auth/register", json=body).raise_for_status().json()
    assert account["name"] == text
    person = Person(backend, body["email"], account["id"], backend.log_in(body["email"]))
    assert person.ask("GET", "/users/me").json()["name"] == text
    thread = person.ask("POST", "/threads", json={"title": text}).raise_for_status().json()
    assert thread["title"] == text
    assert person.ask("GET", f"/threads/{thread['id']}").json()["title"] == text
    with person.socket() as socket:
        accepted, events = socket.run(text, id=text, thread_id=thread["id"])
        assert accepted["id"] == text
        assert events[-1]["data"]["status"] == "completed"
        assert socket.run(f"search: {text}")[1][-1]["type"] == "agent_completed"
        assert socket.run(f"fail: {text}")[1][3]["data"]["error"]["message"] == text.strip()
    stored = person.ask("GET", f"/threads/{thread['id']}/messages").json()["items"]
    assert stored[-1]["text"] == text
    assert somebody.ask("GET", f"/threads/{kept}").json()["title"] == "kept"


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_is_a_login(backend: Threaded, somebody: Person, text: str) -> None:
    """Injections into address, password, tokens and paths are refused as what they are: wrong."""
    post = backend.http.post
    assert post("/auth/login", json={"email": text, "password": text}).status_code in (401, 422)
    assert post("/auth/login", json={"email": "somebody@example.org", "password": text}).status_code == 401
    assert post("/auth/refresh", json={"refresh_token": text}).status_code in (401, 422)
    for path in (f"/threads/{quote(text, safe='')}", f"/runs/{quote(text, safe='')}"):
        assert somebody.ask("GET", path).status_code in (404, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"email": 7, "password": ["x"]}',
        b'{"email": "a@b", "password": "long enough", "admin": true}',
        b'{"email": "a\\u0000@b", "password": "long enough"}',
        b'{"email": "a@b", "password": "long enough", "name": "\\u0000"}',
        b'{"email": "a@b", "password": "long enough", "name": "\\ud800"}',
        b'{"email": "a@b", "password": "long enough \\ud800"}',
        b'{"email": "\\ud800@b", "password": "long enough"}',
        b'{"refresh_token": "\\ud800.\\ud800"}',
        b'{"email": "a@b", "password": "short"}',
        b'{"email": "no address", "password": "long enough"}',
        b'{"email": "a@b\\r\\nBcc: c@d", "password": "long enough"}',
        b"[" * 30000 + b"]" * 30000,
        b'{"email": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b'{"email": NaN}',
    ],
)
def test_a_bad_body_is_refused(backend: Threaded, somebody: Person, body: bytes) -> None:
    """The answer is 4xx in the usual form, and repeats nothing of the input."""
    headers = {"Content-Type": "application/json"}
    for path in ("/auth/register", "/auth/login", "/auth/refresh"):
        response = backend.http.post(path, content=body, headers=headers)
        assert response.status_code in (400, 401, 422), (path, response.text)
        error = response.json()["error"]
        assert error["code"] in ("invalid_request", "bad_request", "wrong_credentials")
        assert error["request_id"] == response.headers["X-Request-ID"]
        assert "long enough" not in response.text
    usable(somebody)


@pytest.mark.parametrize("body", [b"grant_type=%ff", b"\xff=\xfe", b"code=%00&grant_type=authorization_code", b"&&&="])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "application/json", ""])
def test_a_bad_form_is_refused(backend: Threaded, body: bytes, kind: str) -> None:
    """The token endpoint answers in the form of its standard, or that there is no reading it."""
    response = backend.http.post("/oauth/token", content=body, headers={"Content-Type": kind})
    assert response.status_code == 400, response.text
    assert "error" in response.json()


def test_a_large_body_is_refused(backend: Threaded, somebody: Person) -> None:
    """413, whether the length is announced or not, and on a form as well as on JSON."""
    large = b'{"email": "' + b"x" * 70000 + b'"}'
    for path in ("/auth/register", "/oauth/token"):
        for content in (large, iter([large[:40000], large[40000:]])):
            headers = {"Content-Type": "application/x-www-form-urlencoded" if "oauth" in path else "application/json"}
            response = backend.http.post(path, content=content, headers=headers)
            assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
    usable(somebody)


@pytest.mark.parametrize("given", ["a\tb", "x" * 65, "<script>", "", "\u00fc"])
def test_a_request_id_that_is_odd_is_replaced(backend: Threaded, given: str) -> None:
    """Only a harmless one of the client's is used, and sent back."""
    response = backend.http.get("/health/live", headers=[(b"X-Request-ID", given.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])
    kept = backend.http.get("/health/live", headers={"X-Request-ID": "my-request.1"})
    assert kept.headers["X-Request-ID"] == "my-request.1"


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Bad: a\nb: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100,
        b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request(backend: Threaded, somebody: Person, request_text: bytes) -> None:
    """The connection gets 4xx or is closed, and the next one is served."""
    answer = b""
    with sockets.create_connection(backend.address, timeout=30) as raw, suppress(ConnectionError):
        raw.sendall(request_text)
        answer = raw.recv(100)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    usable(somebody)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: ", b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/li"],
)
def test_a_request_that_does_not_come_is_not_waited_for(start: Start, sent: bytes) -> None:
    """Connections that send nothing, half a head, or a request and half of another, are closed after their time."""
    backend = start(http_head_seconds=0.3)
    begin = time.monotonic()
    left = [sockets.create_connection(backend.address, timeout=30) for _ in range(50)]
    for raw in left:
        raw.sendall(sent)
    for raw in left:
        while raw.recv(4096):
            pass
        raw.close()
    # Ten seconds are the usual time.
    assert 0.25 < time.monotonic() - begin < 9
    assert backend.http.get("/health/live").status_code == 200


def test_headers_without_end_are_refused(backend: Threaded, somebody: Person) -> None:
    """A head has a size at which it is enough."""
    headers = b"".join(b"X-Header-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000))
    with sockets.create_connection(backend.address, timeout=30) as raw, suppress(ConnectionError):
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        # A server that takes all of it says nothing, and this waits in vain.
        raw.sendall(headers)
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    usable(somebody)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no JSON", "invalid_json"),
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("[" * 20000, "invalid_json"),
        ('{"type": "ping", "type": "pong"', "invalid_json"),
        ("null", "invalid_message"),
        ("[]", "invalid_message"),
        ("{}", "unknown_type"),
        ('{"type": "agent_completed"}', "unknown_type"),
        ('{"type": "PING"}', "unknown_type"),
        ('{"type": ["ping"]}', "unknown_type"),
        ('{"type": "ping", "more": 1}', "invalid_message"),
        ('{"type": "user_message", "text": "no id"}', "invalid_message"),
        ('{"type": "user_message", "id": "", "text": "x"}', "invalid_message"),
        ('{"type": "user_message", "id": "1", "text": ""}', "invalid_message"),
        ('{"type": "user_message", "id": 1, "text": "x"}', "invalid_message"),
        ('{"type": "user_message", "id": "1", "text": "x", "user_id": "other"}', "invalid_message"),
        ('{"type": "user_message", "id": "1", "text": "x", "thread_id": "\' OR 1=1"}', "invalid_message"),
        ('{"type": "user_message", "id": "1", "text": "a\\u0000b"}', "invalid_message"),
        ('{"type": "user_message", "id": "1\\u0000", "text": "x"}', "invalid_message"),
        ('{"type": "user_message", "id": "1", "text": "\\ud800"}', "invalid_json"),
        ('{"type": "user_message", "id": "1", "text": "' + "x" * 8001 + '"}', "text_too_long"),
        ('{"type": "user_message", "id": "' + "x" * 129 + '", "text": "x"}', "invalid_message"),
        ('{"type": "resume"}', "invalid_message"),
        ('{"type": "resume", "after": -1}', "invalid_message"),
        ('{"type": "resume", "after": "0"}', "invalid_message"),
        ('{"type": "resume", "after": 1e400}', "invalid_message"),
        ('{"type": "resume", "after": 99999999999999999999999999}', "resume_ahead"),
    ],
)
def test_a_bad_message_is_an_error_and_the_connection_goes_on(somebody: Person, text: str, code: str) -> None:
    """It is answered with an error of its own, and the next message as if nothing was."""
    with somebody.socket() as socket:
        socket.connection.send(text)
        error = socket.next()
        assert (error["type"], error["code"]) == ("error", code)
        socket.connection.send(b"\x00binary")
        assert socket.next()["code"] == "not_text"
        assert len(socket.run("What is 1 + 1?")[1]) == 5


def test_who_sends_nothing_but_rubbish_is_cut_off(somebody: Person) -> None:
    """After ten bad messages in a row it is enough: 4400."""
    with somebody.socket() as socket:
        for _ in range(10):
            socket.connection.send("rubbish")
        number, messages = socket.closing()
    assert number == 4400
    assert len(messages) == 10


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(Opcode.TEXT, b"\xff\xfe")], 1007),
        ([Frame(Opcode.TEXT, b"{}", rsv1=True)], 1002),
        ([Frame(Opcode.CONT, b"{}")], 1002),
        ([Frame(Opcode.TEXT, b"{", fin=False), Frame(Opcode.TEXT, b"}")], 1002),
        ([Frame(Opcode.PING, b"x" * 126)], 1002),
        ([Frame(Opcode.CLOSE, b"\x00\x01")], 1002),
    ],
)
def test_a_malformed_frame_ends_its_connection_only(somebody: Person, frames: list[Frame], code: int) -> None:
    """Frames that the protocol forbids are answered by its close codes, and others are served on."""
    with somebody.socket() as bystander, somebody.socket() as socket:
        # Below the library's own checks, which would not let these out.
        data = b"".join(written(frame) for frame in frames)
        socket.connection.socket.sendall(data)
        assert socket.closing()[0] == code
        assert len(bystander.run("What is 1 + 1?")[1]) == 5


def written(frame: Frame) -> bytes:
    """Return the bytes of a frame as a client sends it, with a mask of zeros, whatever is in it."""
    first = (frame.fin << 7) | (frame.rsv1 << 6) | frame.opcode
    size = len(frame.data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([first]) + length + bytes(4) + bytes(frame.data)


def test_an_unmasked_frame_is_refused(somebody: Person) -> None:
    """A client that does not mask breaks the protocol."""
    with somebody.socket() as socket:
        socket.connection.socket.sendall(b"\x81\x02{}")
        assert socket.closing()[0] == 1002


def test_a_thousand_connections_that_say_nothing(spawn: Spawn) -> None:
    """Each is closed by its code, users are served meanwhile, and memory and places come back."""
    backend = spawn(BACKEND_WS_AUTH_SECONDS="1.5")
    person = backend.person()
    with person.socket() as socket:
        before = backend.memory()
        codes, served = asyncio.run(flood(backend.url.replace("http", "ws", 1) + "/ws", 1000, person.headers))
        assert served["type"] == "ready"
        assert len(socket.run("What is 1 + 1?")[1]) == 5
    assert set(codes) <= {4408, 1013}
    assert codes.total() == 1000
    assert codes[4408] >= 256
    wait_until(lambda: len(backend.logged("connection closed")) >= 1001, "all are closed")
    grown = backend.memory() - before
    assert grown < 60, f"{grown} MB more"
    usable(person)


async def flood(url: str, count: int, headers: dict[str, str]) -> tuple[Counter[int], dict[str, Any]]:
    """Open so many connections and leave them; return their close codes, and what a user is told meanwhile."""
    opening = asyncio.Semaphore(50)

    async def leave() -> int:
        async with opening:
            connection: ClientConnection = await connect(url, proxy=None, open_timeout=60, compression=None)
        try:
            while True:
                await asyncio.wait_for(connection.recv(), 60)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    left = [asyncio.create_task(leave()) for _ in range(count)]
    await asyncio.sleep(0.5)
    async with connect(url, proxy=None, open_timeout=60, additional_headers=headers) as user:
        told: dict[str, Any] = json.loads(await asyncio.wait_for(user.recv(), 60))
    return Counter(await asyncio.gather(*left)), told
