"""The development identity provider."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from harness.clients import PASSWORD, REDIRECT, Person
from harness.servers import Start, Threaded
from redis import Redis


class Flow:
    """One way through the exchange, whose parts a test can change."""

    def __init__(self, backend: Threaded) -> None:
        self.http = backend.http
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.request: dict[str, Any] = {
            "response_type": "code",
            "client_id": "reference-web",
            "redirect_uri": REDIRECT,
            "state": "a state & more = \u20ac",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }

    def authorize(self, person: Person, password: str = PASSWORD) -> httpx.Response:
        """Send the form."""
        return self.http.post("/oauth/authorize", data=self.request | {"email": person.email, "password": password})

    def code(self, person: Person) -> str:
        """Return the code of a login."""
        return query(self.authorize(person))["code"]

    def exchange(self, code: str, /, **changed: str) -> httpx.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "reference-web",
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
        }
        return self.http.post("/oauth/token", data=form | changed)


def query(response: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect to the client."""
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_a_code_becomes_tokens(backend: Threaded) -> None:
    """The whole flow: form, login, redirect with the state, exchange; the tokens are good for all that tokens are."""
    person, flow = backend.person(), Flow(backend)
    page = backend.http.get("/oauth/authorize", params=flow.request)
    assert page.status_code == 200
    assert "Development identity provider" in page.text
    answer = query(flow.authorize(person))
    assert answer["state"] == flow.request["state"]
    response = flow.exchange(answer["code"]).raise_for_status()
    assert response.headers["Cache-Control"] == "no-store"
    person.tokens = response.json()
    assert person.ask("GET", "/auth/validate").json()["user_id"] == person.id
    with person.socket() as socket:
        assert len(socket.run("What is 2 + 2?")[1]) == 5
    form = {
        "grant_type": "refresh_token",
        "client_id": "reference-web",
        "refresh_token": person.tokens["refresh_token"],
    }
    person.tokens = backend.http.post("/oauth/token", data=form).raise_for_status().json()
    assert person.ask("GET", "/auth/validate").status_code == 200
    again = backend.http.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert person.ask("GET", "/auth/validate").status_code == 401


def test_a_code_is_good_once_and_a_replay_ends_its_session(backend: Threaded) -> None:
    """The second exchange is refused, and what the first one gave is taken back."""
    person, flow = backend.person(), Flow(backend)
    code = flow.code(person)
    person.tokens = flow.exchange(code).json()
    assert person.ask("GET", "/auth/validate").status_code == 200
    assert flow.exchange(code).json()["error"] == "invalid_grant"
    assert person.ask("GET", "/auth/validate").status_code == 401


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "http://localhost:3000/callback"}, "invalid_grant"),
        ({"client_id": "other-web"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code": "guess"}, "invalid_grant"),
    ],
)
def test_an_exchange_that_does_not_fit_is_refused(
    backend: Threaded, somebody: Person, changed: dict[str, str], error: str
) -> None:
    """Verifier, address, client and code must be those of the request."""
    flow = Flow(backend)
    response = flow.exchange(flow.code(somebody), **changed)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_a_failed_exchange_uses_the_code_up(backend: Threaded) -> None:
    """Nobody can try verifiers one after the other."""
    flow = Flow(backend)
    code = flow.code(backend.person())
    assert flow.exchange(code, code_verifier="x" * 43).status_code == 400
    assert flow.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_expires(start: Start) -> None:
    """After its lifetime a code is unknown."""
    backend = start(oauth_code_seconds=1)
    flow = Flow(backend)
    code = flow.code(backend.person())
    time.sleep(1.1)
    assert flow.exchange(code).json()["error"] == "invalid_grant"


def test_codes_are_kept_hashed(start: Start, environment: dict[str, str]) -> None:
    """Who reads Redis cannot exchange what he finds there."""
    backend = start()
    code = Flow(backend).code(backend.person())
    with Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        keys = list(redis.scan_iter("backend:code:*"))
        assert len(keys) == 1
        assert code not in f"{keys} {redis.get(keys[0])}"


@pytest.mark.parametrize(
    "address",
    [
        REDIRECT + "/",
        REDIRECT + "?next=1",
        REDIRECT.upper(),
        "http://127.0.0.1:3000/callback.example.org",
        "http://127.0.0.1:3000@example.org/callback",
        "//example.org",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_nobody_is_sent_to_another_address(backend: Threaded, address: str | None) -> None:
    """A redirect URI that is not the client's letter by letter is an error here, before and after the login."""
    person, flow = backend.person(), Flow(backend)
    flow.request["redirect_uri"] = address
    if address is None:
        del flow.request["redirect_uri"]
    for response in (backend.http.get("/oauth/authorize", params=flow.request), flow.authorize(person)):
        assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_redirect_uri")
        assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": "x" * 2000}, "invalid_request"),
    ],
)
def test_a_request_without_pkce_is_sent_back(backend: Threaded, changed: dict[str, str], error: str) -> None:
    """The client learns what is wrong by a redirect, with its state."""
    flow = Flow(backend)
    flow.request |= changed
    answer = query(backend.http.get("/oauth/authorize", params=flow.request))
    assert (answer["error"], answer["state"]) == (error, flow.request["state"])


def test_a_parameter_that_comes_twice_is_refused(backend: Threaded) -> None:
    """Two parts of a system cannot be made to read two values."""
    flow = Flow(backend)
    twice = [*flow.request.items(), ("state", "another")]
    assert query(backend.http.get("/oauth/authorize", params=twice))["error"] == "invalid_request"


def test_a_wrong_password_shows_the_form_again(backend: Threaded) -> None:
    """The answer is 401 and no redirect."""
    response = Flow(backend).authorize(backend.person(), "wrong password")
    assert response.status_code == 401
    assert "do not fit" in response.text


@pytest.mark.parametrize("state", ['"><script>alert(1)</script>', "a\r\nSet-Cookie: b=c", "\0"])
def test_a_state_is_data(backend: Threaded, state: str) -> None:
    """It comes back as it was sent, as neither markup nor a header."""
    flow = Flow(backend)
    flow.request["state"] = state
    page = backend.http.get("/oauth/authorize", params=flow.request)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    response = flow.authorize(backend.person())
    assert query(response)["state"] == state
    assert "Set-Cookie" not in response.headers


def test_it_can_be_switched_off(start: Start) -> None:
    """Without it there are no such routes."""
    backend = start(identity_provider=False)
    for path in ("/oauth/authorize", "/oauth/token"):
        assert backend.http.post(path).status_code == 404
