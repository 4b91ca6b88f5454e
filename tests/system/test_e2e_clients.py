"""The clients of a backend, on a real one: accounts, tokens, data, and what is raised when something is wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.auth import AuthClient, Pkce
from test_framework.e2e.deployment import Deployment
from test_framework.e2e.errors import ApiError
from test_framework.e2e.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint


@pytest.fixture(scope="module")
def deployment(backend: Endpoint, framework_settings: Settings) -> Deployment:
    """Where the backend is."""
    return Deployment.of(backend, os.environ, api=framework_settings.e2e)


@pytest.fixture
def auth(deployment: Deployment) -> Iterator[AuthClient]:
    """A client for accounts and tokens."""
    with AuthClient(deployment) as client:
        yield client


@pytest.fixture
def user(deployment: Deployment) -> Iterator[User]:
    """Somebody new, deleted after the test."""
    with User.temporary(deployment, "clients") as user:
        yield user


def test_health_and_configuration_are_told(auth: AuthClient) -> None:
    """The four answers of health, each with what it is asked for."""
    assert auth.live()["status"] == "ok"
    assert auth.ready() == {"status": "ok", "reasons": {}}
    assert auth.dependencies()["dependencies"]["database"]["status"] == "ok"
    assert auth.configuration()["fingerprint"]


def test_a_session_begins_goes_on_and_ends(auth: AuthClient, user: User) -> None:
    """Login, validation, refresh, logout; the account is the one that was registered."""
    assert user.email.startswith("e2e-clients-")
    tokens = auth.login(user.email, user.password)
    assert auth.validate(tokens.access_token)["user_id"] == user.id
    newer = auth.refresh(tokens.refresh_token)
    auth.logout(newer.access_token)
    with pytest.raises(ApiError) as caught:
        auth.validate(newer.access_token)
    assert (caught.value.status, caught.value.code) == (401, "session_ended")
    assert caught.value.request_id in str(caught.value)
    assert auth.logout_all(user.tokens.access_token) == 1


def test_a_code_is_exchanged_once(auth: AuthClient, user: User) -> None:
    """The authorization code flow with PKCE; the second exchange is an error in the words of RFC 6749."""
    pkce = Pkce.make()
    code = auth.authorize(user.email, user.password, pkce)
    tokens = auth.exchange_code(code, pkce)
    assert auth.validate(tokens.access_token)["user_id"] == user.id
    with pytest.raises(ApiError, match="400 invalid_grant") as caught:
        auth.exchange_code(code, pkce)
    assert code not in str(caught.value)


@pytest.mark.parametrize(
    ("password", "redirect", "code"),
    [("wrong", "http://127.0.0.1:3000/callback", "http_401"), (None, "http://127.0.0.1/x", "unknown_redirect_uri")],
)
def test_no_code_is_an_error(auth: AuthClient, user: User, password: str | None, redirect: str, code: str) -> None:
    """A wrong password shows the form again, an unknown address an error: both are told."""
    with pytest.raises(ApiError) as caught:
        auth.authorize(user.email, password or user.password, Pkce.make(), redirect_uri=redirect)
    assert caught.value.code == code


def test_secrets_are_not_shown(auth: AuthClient, user: User) -> None:
    """Neither the text form of what holds them, nor the error that answers them."""
    pkce = Pkce.make()
    shown = f"{user!r} {user.tokens!r} {pkce!r}"
    for secret in (user.password, user.tokens.access_token, user.tokens.refresh_token, pkce.verifier):
        assert secret not in shown
    with pytest.raises(ApiError) as caught:
        auth.validate("not-a-token")
    assert "not-a-token" not in str(caught.value)


def test_pages_are_read_to_the_end(user: User) -> None:
    """All threads come, the newest first, though a page holds fewer."""
    made = [user.create_thread(f"thread {number}") for number in range(101)]
    assert [thread["id"] for thread in user.threads()] == made[::-1]


def test_messages_and_runs_are_there_afterwards(user: User) -> None:
    """What was said and answered is in the thread."""
    thread = user.create_thread()
    with user.connect() as socket:
        accepted, events = socket.run("What is 6 * 7?", thread)
    answer, question = user.messages(thread)
    assert (question["text"], question["role"]) == ("What is 6 * 7?", "user")
    assert answer["text"] == events[-1].data["text"]
    assert user.request("GET", f"/runs/{accepted.run_id}").json()["status"] == "completed"


def test_a_user_logs_in_again(deployment: Deployment, user: User) -> None:
    """The other session is of the same account, and both refresh on their own."""
    with User.login(deployment, user.email, user.password) as again:
        assert again.id == user.id
        before = again.tokens
        assert again.refresh() != before
        assert again.request("GET", "/users/me").json()["email"] == user.email


def test_an_account_that_is_deleted_is_gone(deployment: Deployment, auth: AuthClient) -> None:
    """`delete` takes it away, and `temporary` has nothing left to do."""
    with User.temporary(deployment) as user:
        user.delete()
        with pytest.raises(ApiError, match="401 wrong_credentials"):
            auth.login(user.email, user.password)


def test_a_temporary_account_goes_even_when_its_session_has_ended(deployment: Deployment, auth: AuthClient) -> None:
    """Whatever the test did with the tokens, nothing is left."""
    with User.temporary(deployment) as user:
        auth.logout(user.tokens.access_token)
    with pytest.raises(ApiError, match="401 wrong_credentials"):
        auth.login(user.email, user.password)
