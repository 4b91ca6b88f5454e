"""Who somebody is, from the first registration to the last logout, and every way of pretending."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.auth import AuthClient, Pkce
from test_framework.e2e.errors import ApiError, ConnectionEnded
from test_framework.e2e.user import User
from test_framework.e2e.waiting import wait_until
from test_framework.e2e.websocket import WebSocketClient
from tests.e2e.conftest import KEY
from tests.support.forgery import claims_of, forge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.e2e.deployment import Deployment
    from tests.e2e.conftest import Program

pytestmark = pytest.mark.e2e


@pytest.fixture
def auth(deployment: Deployment) -> Iterator[AuthClient]:
    """A client for accounts and tokens."""
    with AuthClient(deployment) as client:
        yield client


def refusal(do: Callable[[], object]) -> tuple[int, str]:
    """Return the status and the code with which it is refused."""
    with pytest.raises(ApiError) as caught:
        do()
    return caught.value.status, caught.value.code


def refusals(deployment: Deployment, token: str) -> set[str]:
    """Return the codes with which a token is refused, over HTTP and on the WebSocket."""
    with AuthClient(deployment) as auth:
        status, code = refusal(lambda: auth.validate(token))
    assert status == 401
    with pytest.raises(ConnectionEnded) as caught:
        WebSocketClient.connect(deployment, token)
    assert caught.value.code == 4401
    return {code, caught.value.reason}


def test_the_whole_journey(deployment: Deployment, auth: AuthClient) -> None:
    """Register, log in, use it, refresh, log out: after that nothing of the session is good for anything."""
    with User.temporary(deployment) as user, user.connect() as socket:
        assert user.request("GET", "/users/me").json()["email"] == user.email
        first = user.tokens
        assert auth.validate(first.access_token)["user_id"] == user.id
        newest = user.refresh()
        assert newest.refresh_token != first.refresh_token
        assert auth.validate(newest.access_token)["session_id"] == auth.validate(first.access_token)["session_id"]
        auth.logout(newest.access_token)
        assert socket.closed() == 4401
        for tokens in (first, newest):
            assert refusals(deployment, tokens.access_token) == {"session_ended"}
        assert refusal(lambda: auth.refresh(newest.refresh_token)) == (401, "refresh_token_invalid")


def test_an_old_refresh_token_ends_the_session(deployment: Deployment, auth: AuthClient, user: User) -> None:
    """Who brings one again is a thief, or was robbed: the session is over for both, another one is not."""
    with User.login(deployment, user.email, user.password) as elsewhere, user.connect() as socket:
        old = user.tokens.refresh_token
        stolen = user.refresh()
        assert refusal(lambda: auth.refresh(old)) == (401, "refresh_token_reused")
        assert socket.closed() == 4401
        assert refusals(deployment, stolen.access_token) == {"session_ended"}
        assert refusal(lambda: auth.refresh(stolen.refresh_token)) == (401, "refresh_token_invalid")
        assert elsewhere.refresh().access_token


def test_all_sessions_end_at_once(deployment: Deployment, auth: AuthClient, user: User) -> None:
    """Everywhere, with the connections that they hold open."""
    with User.login(deployment, user.email, user.password) as other, other.connect() as socket:
        assert auth.logout_all(user.tokens.access_token) == 2
        assert socket.closed() == 4401
        assert refusals(deployment, other.tokens.access_token) == {"session_ended"}


def test_a_wrong_password_says_no_more_than_a_wrong_address(auth: AuthClient, user: User) -> None:
    """So nobody can find out who has an account; nor can an address be had twice."""
    assert refusal(lambda: auth.login(user.email, "wrong")) == (401, "wrong_credentials")
    assert refusal(lambda: auth.login(f"x{user.email}", user.password)) == (401, "wrong_credentials")
    assert refusal(lambda: auth.register(user.email.upper(), user.password)) == (409, "email_taken")
    assert auth.login(user.email, user.password).expires_in > 0


def test_a_code_that_comes_twice_ends_what_came_of_it(auth: AuthClient, deployment: Deployment, user: User) -> None:
    """The exchange needs the verifier, works once, and is undone by the second attempt."""
    pkce = Pkce.make()
    code = auth.authorize(user.email, user.password, pkce)
    tokens = auth.exchange_code(code, pkce)
    assert auth.validate(tokens.access_token)["user_id"] == user.id
    assert refusal(lambda: auth.exchange_code(code, pkce)) == (400, "invalid_grant")
    assert refusals(deployment, tokens.access_token) == {"session_ended"}
    stolen = auth.authorize(user.email, user.password, pkce)
    assert refusal(lambda: auth.exchange_code(stolen, Pkce.make())) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda _: "rubbish", "token_malformed"),
        (lambda token: token.rpartition(".")[0] + ".", "token_bad_signature"),
        (lambda token: forge(claims_of(token), "the key of somebody else, of 32 characters"), "token_bad_signature"),
        (lambda token: _with(token, sub="00000000-0000-0000-0000-000000000000"), "token_bad_signature"),
        (lambda token: _with(token, exp=time.time() + 10**6), "token_bad_signature"),
        (lambda token: forge(claims_of(token), "", alg="none").rpartition(".")[0] + ".", "token_wrong_algorithm"),
    ],
    ids=["rubbish", "not signed", "of another key", "of another user", "prolonged", "by no algorithm"],
)
def test_a_token_that_was_tampered_with(
    deployment: Deployment, user: User, bad: Callable[[str], str], code: str
) -> None:
    """It is refused over HTTP and on the WebSocket, with the same code; the good one stays good."""
    assert refusals(deployment, bad(user.tokens.access_token)) == {code}
    assert user.request("GET", "/users/me").is_success


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNzd29yZA==", "Bearer", "Token"])
def test_another_way_to_say_who_one_is(user: User, header: str) -> None:
    """Only a bearer token counts."""
    headers = {"Authorization": header}
    assert refusal(lambda: user.request("GET", "/users/me", headers=headers)) == (401, "token_missing")


def _with(token: str, **changed: Any) -> str:
    """Return the token with other claims, and the signature that it had."""
    forged = forge(claims_of(token) | changed, "")
    return f"{forged.rpartition('.')[0]}.{token.rpartition('.')[2]}"


def test_a_token_whose_claims_do_not_fit(start: Callable[..., Program]) -> None:
    """Though the signature is good: it has expired, is for others or from others, or says too little."""
    deployment = start().deployment
    with User.temporary(deployment) as user:
        good = claims_of(user.tokens.access_token)
        with WebSocketClient.connect(deployment, forge(good, KEY)) as socket:
            assert socket.ready["user_id"] == user.id
        found = {
            "expired": refusals(deployment, forge(good | {"exp": int(time.time()) - 1}, KEY)),
            "not yet valid": refusals(deployment, forge(good | {"nbf": int(time.time()) + 60}, KEY)),
            "for another audience": refusals(deployment, forge(good | {"aud": "another"}, KEY)),
            "for several": refusals(deployment, forge(good | {"aud": [good["aud"], "another"]}, KEY)),
            "from another issuer": refusals(deployment, forge(good | {"iss": "another"}, KEY)),
            "without end": refusals(deployment, forge({k: v for k, v in good.items() if k != "exp"}, KEY)),
            "of another type": refusals(deployment, forge(good, KEY, typ="JWT")),
            "of another session": refusals(deployment, forge(good | {"sid": "0" * 32}, KEY)),
            "of another user": refusals(deployment, forge(good | {"sub": "0" * 32}, KEY)),
        }
    assert found == {
        "expired": {"token_expired"},
        "not yet valid": {"token_not_yet_valid"},
        "for another audience": {"token_wrong_audience"},
        "for several": {"token_wrong_audience"},
        "from another issuer": {"token_wrong_issuer"},
        "without end": {"token_missing_claim"},
        "of another type": {"token_wrong_type"},
        "of another session": {"session_ended"},
        "of another user": {"session_ended"},
    }


def test_a_token_of_another_deployment(deployment: Deployment, start: Callable[..., Program]) -> None:
    """What one backend has issued is worth nothing at another, in either direction."""
    with User.temporary(deployment) as user, User.temporary(start().deployment) as stranger:
        assert refusals(deployment, stranger.tokens.access_token) == {"token_bad_signature"}
        assert refusals(stranger.deployment, user.tokens.access_token) == {"token_bad_signature"}


def test_a_token_expires(start: Callable[..., Program]) -> None:
    """It is refused, and the connection closed unless a newer token has come; the refresh token goes on."""
    deployment = start(BACKEND_ACCESS_TOKEN_SECONDS="6").deployment
    with User.temporary(deployment) as user, AuthClient(deployment) as auth:
        old = user.tokens.access_token
        with user.connect() as left_alone, user.connect() as renewed:
            wait_until(lambda: time.time() > claims_of(old)["exp"] - 2, "the token is about to expire")
            renewed.authenticate(user.refresh().access_token)
            assert left_alone.closed() == 4401
            assert left_alone.receive()["code"] == "token_expired"
            assert refusal(lambda: auth.validate(old)) == (401, "token_expired")
            assert renewed.ping() >= 0
        assert user.refresh().access_token != old
