"""Accounts, tokens and health of a backend, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from test_framework.config import BadSetting
from test_framework.e2e.errors import ApiError
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    import httpx

    from test_framework.e2e.deployment import Deployment

__all__ = ["Account", "AuthClient", "Pkce", "Tokens"]

_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Account:
    """An account, by its id and its address."""

    id: str
    email: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a session, which are not shown; `expires_in` is the lifetime of the access token in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int

    def __post_init__(self) -> None:
        KNOWN.add_passing(self.access_token)
        KNOWN.add_passing(self.refresh_token)

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Tokens:
        """Read the answer of RFC 6749, section 5.1."""
        return cls(answer["access_token"], answer["refresh_token"], answer["expires_in"])


@dataclass(frozen=True, slots=True)
class Pkce:
    """The proof of RFC 7636: the challenge goes with the authorization request, the verifier with the exchange."""

    verifier: str = field(repr=False)
    challenge: str

    @classmethod
    def make(cls) -> Pkce:
        """Return a new one."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).decode().rstrip("="))


class AuthClient:
    """Asks a deployment who somebody is, and how it is itself. Close it, or use it in `with`.

    The passwords and tokens that it is given are known as secrets from then on: see `redaction`.
    Every method raises `ApiError` for an answer other than success, and `httpx.HTTPError` when none comes.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._backend_url = deployment.backend_url
        self._api = deployment.api
        self._path = deployment.api.path
        self._http = deployment.http(deployment.auth_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def register(self, email: str, password: str, name: str = "") -> Account:
        """Make an account."""
        KNOWN.add_passing(password, email)
        body = {"email": email, "password": password, "name": name}
        answer = self._ask("POST", self._path("register"), json=body).json()
        return Account(answer["id"], answer["email"])

    def login(self, email: str, password: str) -> Tokens:
        """Begin a session."""
        KNOWN.add_passing(password, email)
        return Tokens.of(self._ask("POST", self._path("login"), json={"email": email, "password": password}).json())

    def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token, which is used up by that, for new tokens."""
        return Tokens.of(self._ask("POST", self._path("refresh"), json={"refresh_token": refresh_token}).json())

    def validate(self, access_token: str) -> dict[str, Any]:
        """Return what the token is worth: `user_id`, `session_id`, `expires_at` and more."""
        return self._told("GET", self._path("validate"), access_token)

    def logout(self, access_token: str) -> None:
        """End the session of the token."""
        self._ask("POST", self._path("logout"), access_token)

    def logout_all(self, access_token: str) -> int:
        """End all sessions of the token's user; return how many there were."""
        return int(self._told("POST", self._path("logout_all"), access_token)["ended"])

    def authorize(
        self,
        email: str,
        password: str,
        pkce: Pkce,
        *,
        client_id: str | None = None,
        redirect_uri: str | None = None,
    ) -> str:
        """Log in at the identity provider; return the code with which it sends the user back.

        Args:
            email: Of the user.
            password: Of the user.
            pkce: The proof.
            client_id: The client; that of the settings when None.
            redirect_uri: Where it sends the user; that of the settings when None.

        Raises:
            BadSetting: Nothing names the client.
            ApiError: It gave no code, or not the state that it was given.
        """
        KNOWN.add_passing(password, email)
        state = secrets.token_urlsafe(16)
        client = self._client(client_id, redirect_uri)
        form = client | {
            "response_type": "code",
            "state": state,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        }
        response = self._http.post(self._path("authorize"), data=form | {"email": email, "password": password})
        if response.status_code != _SEE_OTHER:
            raise ApiError.of(response)
        answer = {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
        if "code" not in answer:
            raise ApiError.of(response, answer.get("error", "no_code"), answer.get("error_description", "no code came"))
        if answer.get("state") != state:
            raise ApiError.of(response, "wrong_state", "the state that came back is not the one that was sent")
        return answer["code"]

    def exchange_code(
        self, code: str, pkce: Pkce, *, client_id: str | None = None, redirect_uri: str | None = None
    ) -> Tokens:
        """Exchange a code, which is used up by that, for tokens; of the client see `authorize`."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": pkce.verifier}
        form |= self._client(client_id, redirect_uri)
        return Tokens.of(self._ask("POST", self._path("token"), data=form).json())

    def _client(self, client_id: str | None, redirect_uri: str | None) -> dict[str, str]:
        """Return the fields that name a client of OAuth: the one that is given, else that of the settings."""
        found = {
            "oauth_client": ("client_id", client_id or self._api.oauth_client),
            "oauth_redirect": ("redirect_uri", redirect_uri or self._api.oauth_redirect),
        }
        if lacks := [key for key, (_, value) in found.items() if not value]:
            raise BadSetting(
                f"nothing names the client of OAuth: set {' and '.join(lacks)} in [tool.test_framework.e2e]."
            )
        return dict(found.values())

    def live(self) -> dict[str, Any]:
        """Return what a process that answers says: `status` and `version`."""
        return self._told("GET", f"{self._backend_url}{self._path('live')}")

    def ready(self) -> dict[str, Any]:
        """Return `status` and `reasons`; `ApiError` with status 503 and the reasons, when something needed is down."""
        return self._told("GET", f"{self._backend_url}{self._path('ready')}")

    def dependencies(self, access_token: str | None = None) -> dict[str, Any]:
        """Return each dependency as the backend sees it; production asks for a token."""
        return self._told("GET", f"{self._backend_url}{self._path('dependencies')}", access_token)

    def configuration(self, access_token: str | None = None) -> dict[str, Any]:
        """Return the settings in effect without secrets, and a fingerprint; production asks for a token."""
        return self._told("GET", f"{self._backend_url}{self._path('configuration')}", access_token)

    def _told(self, method: str, path: str, access_token: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(method, path, access_token).json()
        return answer

    def _ask(self, method: str, path: str, access_token: str | None = None, **more: Any) -> httpx.Response:
        KNOWN.add_passing(access_token or "")
        headers = {"Authorization": f"Bearer {access_token}"} if access_token is not None else {}
        response = self._http.request(method, path, headers=headers, **more)
        if not response.is_success:
            raise ApiError.of(response)
        return response
