"""The handshake, the token, the heartbeat, and every close code."""

from __future__ import annotations

import asyncio
import base64
import json
import socket as sockets
import time

import pytest
from harness.servers import Start, Threaded, wait_until
from redis import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

_USUAL_SECONDS = 5.0
"""For which a connection without a token is left, where no other time is set."""


def test_the_token_comes_in_the_first_message(backend: Threaded) -> None:
    """A client that can set no header sends `authenticate`; `ready` says what it needs to know."""
    person = backend.person()
    with backend.socket() as socket:
        socket.send(type="authenticate", token=person.tokens["access_token"])
        ready = socket.next()
    assert ready["type"] == "ready"
    assert ready["user_id"] == person.id
    assert ready["ping_seconds"] == 20
    assert ready["idle_seconds"] == 60


def test_the_token_comes_as_a_subprotocol(backend: Threaded) -> None:
    """A browser offers it beside the real subprotocol, and only that one is agreed on."""
    person = backend.person()
    offered = ["reference-backend.v1", f"bearer.{person.tokens['access_token']}"]
    with backend.socket(subprotocols=offered) as socket:
        assert socket.next()["type"] == "ready"
        assert socket.connection.subprotocol == "reference-backend.v1"


def test_a_token_in_the_url_is_no_token(backend: Threaded) -> None:
    """URLs end up in logs, so nothing is read from there."""
    token = backend.person().tokens["access_token"]

    async def attempt() -> str:
        url = f"{backend.url.replace('http', 'ws', 1)}/ws?token={token}&access_token={token}"
        async with connect(url, proxy=None) as connection:
            await connection.send(json.dumps({"type": "ping"}))
            return str(json.loads(await connection.recv())["code"])

    assert asyncio.run(attempt()) == "token_missing"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ('{"type": "ping"}', "token_missing"),
        ('{"type": "user_message", "id": "1", "text": "hello"}', "token_missing"),
        ('{"type": "authenticate"}', "invalid_message"),
        ('{"type": "authenticate", "token": ""}', "token_malformed"),
        ('{"type": "authenticate", "token": 7}', "invalid_message"),
        ("no JSON", "invalid_json"),
        ("{}", "unknown_type"),
        (b"\x00\x01", "not_text"),
    ],
)
def test_anything_else_first_is_refused(backend: Threaded, sent: str | bytes, code: str) -> None:
    """Before the token nothing is served: 4401, with the reason."""
    with backend.socket() as socket:
        socket.connection.send(sent)
        number, messages = socket.closing()
    assert (number, messages[-1]["code"]) == (4401, code)


def test_no_token_in_time(start: Start) -> None:
    """A connection that says nothing is closed with 4408, soon after its time."""
    backend = start(ws_auth_seconds=0.3)
    begin = time.monotonic()
    with backend.socket() as socket:
        number, messages = socket.closing(_USUAL_SECONDS)
    assert (number, messages[-1]["code"]) == (4408, "no_token_in_time")
    assert time.monotonic() - begin > 0.25


def test_the_token_expires_under_a_connection(start: Start) -> None:
    """The connection ends with its token, by 4401, unless a newer one has come."""
    backend, other = start(access_token_seconds=5), start()
    person = backend.person()
    with person.socket() as lasting, person.socket() as ending:
        # Of a process with the usual settings, so that it does not expire too while the test looks at the other one.
        newer = other.http.post("/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]}).json()
        lasting.send(type="authenticate", token=newer["access_token"])
        assert lasting.next()["type"] == "authenticated"
        number, messages = ending.closing()
        assert (number, messages[-1]["code"]) == (4401, "token_expired")
        lasting.send(type="user_message", id="1", text="What is 1 + 1?")
        assert lasting.next()["type"] == "accepted"


def test_a_connection_keeps_its_user(backend: Threaded) -> None:
    """A token of another user on an open connection ends it."""
    person, other = backend.person(), backend.person()
    with person.socket() as socket:
        socket.send(type="authenticate", token=other.tokens["access_token"])
        number, messages = socket.closing()
    assert (number, messages[-1]["code"]) == (4401, "token_of_another")


def test_a_connection_keeps_its_session(backend: Threaded) -> None:
    """So does a token of another session of the same user: the end of the first one is to end the connection."""
    person = backend.person()
    with person.socket() as socket:
        socket.send(type="authenticate", token=backend.log_in(person.email)["access_token"])
        number, messages = socket.closing()
    assert (number, messages[-1]["code"]) == (4401, "token_of_another")


def test_pings_come_and_pongs_keep_the_connection(start: Start) -> None:
    """A client that answers each `ping` stays; one that does not is closed with 4410."""
    backend = start(ws_ping_seconds=0.1, ws_idle_seconds=2)
    person = backend.person()
    with person.socket() as quiet, person.socket() as lively:
        for _ in range(30):  # which take longer than a connection may be idle
            assert json.loads(lively.connection.recv(30))["type"] == "ping"
            lively.send(type="pong")
        number, messages = quiet.closing()
        assert (number, messages[-1]["code"]) == (4410, "idle")
        assert lively.run("What is 1 + 1?")


def test_a_client_may_ping_too(backend: Threaded) -> None:
    """It gets a `pong`."""
    with backend.person().socket() as socket:
        socket.send(type="ping")
        assert json.loads(socket.connection.recv(30)) == {"type": "pong"}


def test_a_user_has_so_many_connections(start: Start) -> None:
    """One more is closed with 4429, in whichever process; a place that is given back can be taken."""
    one, two = start(ws_max_connections_per_user=2), start(ws_max_connections_per_user=2)
    person = one.person()
    with person.socket():
        with person.socket():
            for backend in (one, two):
                with backend.token_socket(person.tokens["access_token"]) as socket:
                    number, messages = socket.closing()
                assert (number, messages[-1]["code"]) == (4429, "too_many_connections")
            with one.person().socket():
                pass
        wait_until(lambda: one.app.state.resources.places.taken == 1, "the place is given back")
        with person.socket():
            pass


def test_a_connection_that_lasts_keeps_its_place(start: Start, environment: dict[str, str]) -> None:
    """It takes it again with each `ping`, before it runs out."""
    person = start(ws_ping_seconds=0.1, ws_idle_seconds=60).person()
    with person.socket(), Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        key = f"backend:connections:{person.id}"
        ((_, ends),) = redis.zrange(key, 0, -1, withscores=True)
        wait_until(lambda: redis.zrange(key, 0, -1, withscores=True)[0][1] > ends, "it has been taken again")


def test_a_place_of_a_process_that_is_gone_runs_out(start: Start, environment: dict[str, str]) -> None:
    """Nobody gives it back, and the user can have it again."""
    person = start(ws_max_connections_per_user=2).person()
    with Redis.from_url(environment["REDIS_URL"]) as redis, person.socket():
        redis.zadd(f"backend:connections:{person.id}", {"of a process that was killed": time.time() * 1000 - 1})
        with person.socket() as socket:
            assert socket.run("What is 1 + 1?")


def test_a_process_has_so_many_connections(start: Start) -> None:
    """One more is closed with 1013: another process may have a place."""
    backend = start(ws_max_connections=2)
    person = backend.person()
    with person.socket(), person.socket(), backend.token_socket(person.tokens["access_token"]) as socket:
        number, messages = socket.closing()
    assert (number, messages[-1]["code"]) == (1013, "too_many_connections")


def test_who_has_no_token_does_not_keep_out_who_has(start: Start) -> None:
    """Connections without a token have few places of their own."""
    backend = start(ws_max_unauthenticated=2)
    person = backend.person()
    with backend.socket(), backend.socket():
        with backend.socket() as socket:
            number, messages = socket.closing()
        assert (number, messages[-1]["code"]) == (1013, "too_many_unauthenticated")
        with person.socket() as socket:
            assert socket.run("What is 1 + 1?")


def test_a_message_that_is_too_large(start: Start) -> None:
    """It is closed with 1009, in one frame or in many, and nothing of it is kept."""
    backend = start(ws_max_message_bytes=2000)
    person = backend.person()
    text = json.dumps({"type": "user_message", "id": "1", "text": "x" * 2000})
    with person.socket() as socket:
        socket.connection.send(text)
        assert socket.closing()[0] == 1009
    with person.socket() as socket:
        socket.connection.send(text[start : start + 100] for start in range(0, len(text), 100))
        assert socket.closing()[0] == 1009
    assert person.ask("GET", "/threads").json()["items"] == []


def test_a_client_that_does_not_read_is_cut_off(start: Start) -> None:
    """It costs the process no memory: its events stay in the log, and its connection is ended."""
    backend = start(ws_send_seconds=1, text_max_characters=60000, model_context_characters=60000, events_kept=2000)
    person = backend.person()
    places = backend.app.state.resources.places
    deaf = sockets.socket()
    # A small window, so that it is full soon.
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    deaf.connect(backend.address)
    with deaf, person.socket() as socket:
        lines = [
            "GET /ws HTTP/1.1",
            "Host: x",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
        ]
        lines += [f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}"]
        lines += [f"Authorization: {person.headers['Authorization']}", "", ""]
        deaf.sendall("\r\n".join(lines).encode())
        wait_until(lambda: places.taken == 2, "both are connected")
        for number in range(120):
            socket.run(f"fail: {'x' * 30000} {number}")
            if places.taken == 1:
                break
        wait_until(lambda: places.taken == 1, "the deaf client is cut off")
        assert socket.run("What is 1 + 1?")


def test_other_paths_are_no_websocket(backend: Threaded) -> None:
    """A handshake elsewhere is refused by HTTP."""

    async def attempt() -> int:
        try:
            async with connect(f"{backend.url.replace('http', 'ws', 1)}/nothing", proxy=None):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(attempt()) == 403
