"""A user of a deployment: an account with tokens, his requests, and his connections."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from test_framework.e2e.auth import AuthClient
from test_framework.e2e.errors import ApiError
from test_framework.e2e.websocket import AsyncWebSocketClient, WebSocketClient
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from test_framework.e2e.auth import Tokens
    from test_framework.e2e.deployment import Deployment

__all__ = ["User"]

_UNAUTHORIZED = 401


class User:
    """Somebody who is logged in. Close him, or use him in `with`.

    Attributes:
        deployment: Where the account is.
        id: Of the account.
        email: The address of the account.
        password: Its password, which is not shown.
        tokens: Those of the newest session; a test may put others in their place.
    """

    def __init__(self, deployment: Deployment, name: str, email: str, password: str, tokens: Tokens) -> None:
        self.deployment = deployment
        self.id = name
        self.email = email
        self.password = password
        self.tokens = tokens
        KNOWN.add_passing(password, email)
        self._http = deployment.http(deployment.backend_url)
        self._path = deployment.api.path

    @classmethod
    def new(cls, deployment: Deployment, run_id: str | None = None) -> Self:
        """Register and log in.

        Args:
            deployment: Where.
            run_id: Becomes part of the address, so that it can be told which run has left an account behind.
        """
        email = f"e2e-{run_id or 'run'}-{uuid4().hex[:16]}@example.org"
        password = secrets.token_urlsafe(24)
        with AuthClient(deployment) as auth:
            account = auth.register(email, password)
            return cls(deployment, account.id, account.email, password, auth.login(email, password))

    @classmethod
    def login(cls, deployment: Deployment, email: str, password: str) -> Self:
        """Log in to an account that there is."""
        with AuthClient(deployment) as auth:
            tokens = auth.login(email, password)
            return cls(deployment, auth.validate(tokens.access_token)["user_id"], email, password, tokens)

    @classmethod
    @contextmanager
    def temporary(cls, deployment: Deployment, run_id: str | None = None) -> Iterator[Self]:
        """Do as `new`, and delete the account at the end, whatever has become of its tokens."""
        with cls.new(deployment, run_id) as user:
            try:
                yield user
            finally:
                user.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<User {self.email}>"

    def close(self) -> None:
        """Close the connections of his requests."""
        self._http.close()

    def refresh(self) -> Tokens:
        """Exchange the refresh token; the new tokens are his from now on."""
        with AuthClient(self.deployment) as auth:
            self.tokens = auth.refresh(self.tokens.refresh_token)
        return self.tokens

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request with his access token; `more` is what httpx takes.

        Raises:
            ApiError: The answer is no success.
            httpx.HTTPError: There is none.
        """
        headers = {"Authorization": f"Bearer {self.tokens.access_token}"} | more.pop("headers", {})
        response = self._http.request(method, path, headers=headers, **more)
        if not response.is_success:
            raise ApiError.of(response)
        return response

    def create_thread(self, title: str = "a thread") -> str:
        """Make a thread; return its id."""
        return str(self.request("POST", self._path("threads"), json={"title": title}).json()["id"])

    def threads(self) -> list[dict[str, Any]]:
        """Return all threads, the newest first."""
        return list(self._pages(self._path("threads")))

    def messages(self, thread_id: str) -> list[dict[str, Any]]:
        """Return all messages of a thread, the newest first."""
        return list(self._pages(self._path("messages", thread=thread_id)))

    def delete(self) -> None:
        """Delete the account with all that it owns, by his access token."""
        self.request("DELETE", self._path("account"))

    def forget(self) -> None:
        """Delete the account by a new session, if it is still there."""
        with AuthClient(self.deployment) as auth:
            try:
                self.tokens = auth.login(self.email, self.password)
            except ApiError as error:
                if error.status != _UNAUTHORIZED:
                    raise
                return
        self.delete()

    def connect(self, **options: Any) -> WebSocketClient:
        """Connect with his access token; `options` are those of `WebSocketClient.connect`."""
        return WebSocketClient.connect(self.deployment, self.tokens.access_token, **options)

    async def connect_async(self, **options: Any) -> AsyncWebSocketClient:
        """Connect with his access token; `options` are those of `AsyncWebSocketClient.connect`."""
        return await AsyncWebSocketClient.connect(self.deployment, self.tokens.access_token, **options)

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = self.request("GET", path, params=cursor).json()
            yield from page["items"]
            if not page["next"]:
                return
            cursor = {"cursor": page["next"]}
