"""The backend answers: its health, what it depends on, and each basic endpoint once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.auth import AuthClient

if TYPE_CHECKING:
    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.user import User
    from test_framework.e2e.websocket import WebSocketClient
    from test_framework.resolution import Endpoint

pytestmark = [pytest.mark.smoke, pytest.mark.staging_safe]


def test_it_is_ready_with_all_that_it_needs(deployment: Deployment, backend: Endpoint) -> None:
    """It lives, it is ready, and database, cache and language model answer it."""
    with AuthClient(deployment) as auth:
        assert auth.live() == {"status": "ok", "version": backend.version}
        assert auth.ready() == {"status": "ok", "reasons": {}}
        told = auth.dependencies()["dependencies"]
    assert {name: each["status"] for name, each in told.items() if each["required"]} == {
        "database": "ok",
        "cache": "ok",
        "language_model": "ok",
    }


def test_a_user_is_known(deployment: Deployment, user: User) -> None:
    """The token is worth what the account says."""
    with AuthClient(deployment) as auth:
        assert auth.validate(user.tokens.access_token)["user_id"] == user.id
    assert user.request("GET", "/users/me").json()["email"] == user.email


def test_a_thread_is_kept(user: User) -> None:
    """It can be made, read, renamed and deleted."""
    thread = user.create_thread("a title")
    user.request("PATCH", f"/threads/{thread}", json={"title": "another title"})
    assert user.request("GET", f"/threads/{thread}").json()["title"] == "another title"
    user.request("DELETE", f"/threads/{thread}")
    assert user.threads() == []


def test_a_message_is_answered(socket: WebSocketClient, recorder: EventRecorder, user: User) -> None:
    """The agent's five events come in order, and question and answer are in the thread."""
    accepted, events = socket.run("What is 6 * 7?")
    recorder.check_order(accepted.run_id)
    assert [m["text"] for m in user.messages(accepted.thread_id)] == [events[-1].data["text"], "What is 6 * 7?"]
