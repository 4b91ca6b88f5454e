"""Access tokens that are not to be accepted, over HTTP and on the WebSocket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from harness.clients import Person
from harness.servers import KEY, Start, Threaded, wait_until

Claims = dict[str, Any]


def signed(claims: Claims, *, key: str = KEY, algorithm: str = "HS256", kind: str = "at+jwt") -> str:
    """Return a token."""
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": kind})


def without(claims: Claims, name: str) -> Claims:
    """Return the claims but for one."""
    return {key: value for key, value in claims.items() if key != name}


def part(value: Any) -> str:
    """Return one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def tampered(claims: Claims) -> str:
    """Return a token that was good before its user was changed."""
    head, _, signature = signed(claims).split(".")
    return f"{head}.{part(claims | {'sub': '00000000-0000-0000-0000-000000000000'})}.{signature}"


BAD: dict[str, tuple[Callable[[Claims], str], str]] = {
    "expired": (lambda c: signed(c | {"exp": int(time.time()) - 1}), "token_expired"),
    "another audience": (lambda c: signed(c | {"aud": "somebody-else"}), "token_wrong_audience"),
    "a list of audiences": (lambda c: signed(c | {"aud": [c["aud"], "somebody-else"]}), "token_wrong_audience"),
    "another issuer": (lambda c: signed(c | {"iss": "somebody-else"}), "token_wrong_issuer"),
    "another key": (lambda c: signed(c, key="another key that has 32 characters"), "token_bad_signature"),
    "tampered": (tampered, "token_bad_signature"),
    "no signature": (lambda c: f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(c)}.", "token_wrong_algorithm"),
    "None in other letters": (
        lambda c: f"{part({'alg': 'nOnE', 'typ': 'at+jwt'})}.{part(c)}.",
        "token_wrong_algorithm",
    ),
    "another algorithm": (lambda c: signed(c, key=KEY * 2, algorithm="HS512"), "token_wrong_algorithm"),
    "another type": (lambda c: signed(c, kind="JWT"), "token_wrong_type"),
    "no session": (lambda c: signed(without(c, "sid")), "token_missing_claim"),
    "no expiry": (lambda c: signed(without(c, "exp")), "token_missing_claim"),
    "no user": (lambda c: signed(without(c, "sub")), "token_missing_claim"),
    "no id": (lambda c: signed(without(c, "jti")), "token_missing_claim"),
    "issued in the future": (lambda c: signed(c | {"iat": int(time.time()) + 60}), "token_not_yet_valid"),
    "a user that is none": (lambda c: signed(c | {"sub": "' OR 1=1 --"}), "token_malformed"),
    "a session that is none": (lambda c: signed(c | {"sid": "0"}), "session_ended"),
    "somebody else's session": (
        lambda c: signed(c | {"sub": "00000000-0000-0000-0000-000000000000"}),
        "session_ended",
    ),
    "garbage": (lambda _: "garbage", "token_malformed"),
    "three parts of nothing": (lambda _: "e30.e30.e30", "token_wrong_algorithm"),
    "much": (lambda _: "a" * 6000, "token_malformed"),
}


@pytest.mark.parametrize(("make", "code"), BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused(backend: Threaded, somebody: Person, make: Callable[[Claims], str], code: str) -> None:
    """HTTP answers 401 with a challenge and the code; the WebSocket says the code and closes with 4401."""
    claims: Claims = jwt.decode(somebody.tokens["access_token"], options={"verify_signature": False})
    token = make(claims)
    assert somebody.ask("GET", "/auth/validate").status_code == 200
    refused = backend.http.get("/auth/validate", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, code)
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert code in refused.headers["WWW-Authenticate"]
    with backend.socket(additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        number, messages = socket.closing()
    assert number == 4401
    assert [(message["type"], message["code"]) for message in messages] == [("error", code)]


def test_a_refresh_token_is_no_access_token(backend: Threaded) -> None:
    """The one cannot be used as the other."""
    tokens = backend.person().tokens
    refused = backend.http.get("/threads", headers={"Authorization": f"Bearer {tokens['refresh_token']}"})
    assert refused.status_code == 401
    assert backend.http.post("/auth/refresh", json={"refresh_token": tokens["access_token"]}).status_code == 401


def test_a_token_is_good_until_it_expires(start: Start) -> None:
    """The lifetime is the one in the settings."""
    person = start(access_token_seconds=4).person()
    assert person.tokens["expires_in"] == 4
    assert person.ask("GET", "/auth/validate").status_code == 200
    wait_until(lambda: person.ask("GET", "/auth/validate").status_code != 200, "it has expired")
    assert person.ask("GET", "/auth/validate").json()["error"]["code"] == "token_expired"
