"""What only a deployment can tell: whether it lets us in, and what it sees from inside its network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from test_framework.e2e.auth import AuthClient
from test_framework.e2e.deployment import HTTP_SECONDS
from test_framework.e2e.errors import ApiError
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.staging.steps import CheckStep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_framework.e2e.deployment import Deployment

T = TypeVar("T")

_BACKEND = "STAGING_BACKEND_URL"
_LOGIN = "STAGING_TOKEN, or STAGING_USERNAME and STAGING_PASSWORD"
_DENIED = (400, 401, 403, 422, 429)
_WANTS_LOGIN = (401, 403)
_SERVER_ERROR = 500


class StagingProbe:
    """A deployment that answers, and what the environment says of our account there.

    Args:
        deployment: Its addresses.
        env: Holds `STAGING_TOKEN`, or `STAGING_USERNAME` and `STAGING_PASSWORD`.
    """

    def __init__(self, deployment: Deployment, env: Mapping[str, str]) -> None:
        self._deployment = deployment
        self._env = env

    def login(self) -> CheckStep:
        """Show the token, or log in and out again; `login-failed` when the deployment does not accept it."""
        begin = time.monotonic()
        try:
            self._with_token(lambda client, token: client.validate(token))
        except Refused as refused:
            return CheckStep("login", time.monotonic() - begin, refused.reason)
        return CheckStep("login", time.monotonic() - begin)

    def dependencies(self) -> dict[str, CheckStep]:
        """Return how each dependency is, with the latency that the backend itself has measured.

        They are those that the settings name, else all that it tells of. The reason is `dependency-down`, or
        `not-configured` for one that the backend has not and does without.

        Raises:
            Refused: The backend does not tell.
        """
        told, api = self._read(AuthClient.dependencies), self._deployment.api
        try:
            found = told["dependencies"]
            return {name: self._dependency(name, **found[name]) for name in api.dependencies or found}
        except (KeyError, TypeError) as error:
            raise Refused(self._other(f"{api.path('dependencies')} does not say {error}")) from error

    def _dependency(
        self, name: str, *, status: str, latency_ms: float | None, reason: str | None, **_: Any
    ) -> CheckStep:
        seconds = (latency_ms or 0.0) / 1000
        if status == "down":
            url = self._deployment.backend_url
            down = Reason.of(Code.DEPENDENCY_DOWN, url=url, dependency=name, error=reason, source=_BACKEND)
            return CheckStep(name, seconds, down)
        if status == "not_configured":
            what = f"{name} of the backend ({reason})"
            return CheckStep(name, seconds, Reason.of(Code.NOT_CONFIGURED, what=what, variables="it in the deployment"))
        return CheckStep(name, seconds)

    def configuration(self) -> dict[str, Any]:
        """Return what it says of its configuration; raises `Refused`."""
        return self._read(AuthClient.configuration)

    def _read(self, ask: Callable[[AuthClient, str | None], dict[str, Any]]) -> dict[str, Any]:
        """Ask without a token, and with one where that is wanted."""

        def read(client: AuthClient) -> dict[str, Any]:
            try:
                return ask(client, None)
            except ApiError as error:
                if error.status not in _WANTS_LOGIN:
                    raise
            return self._with_token(ask)

        return self._asked(read)

    def _with_token(self, ask: Callable[[AuthClient, str], T]) -> T:
        """Ask with the token that we are given, or with one of a session that ends afterwards."""
        token, user, password = (self._env.get(f"STAGING_{name}") for name in ("TOKEN", "USERNAME", "PASSWORD"))
        if token:
            return self._asked(lambda client: ask(client, token), "STAGING_TOKEN")
        if not (user and password):
            missing = "STAGING_PASSWORD" if user else "STAGING_USERNAME" if password else _LOGIN
            raise Refused(Reason.of(Code.NOT_CONFIGURED, what="an account in staging", variables=missing))

        def logged_in(client: AuthClient) -> T:
            access = client.login(user, password).access_token
            try:
                return ask(client, access)
            finally:
                client.logout(access)

        return self._asked(logged_in, "STAGING_USERNAME and STAGING_PASSWORD")

    def _asked(self, work: Callable[[AuthClient], T], login: str = "") -> T:
        """Do it with a client; what goes wrong is told as `Refused`.

        Args:
            work: What to do.
            login: The variables that are to blame when the answer is that we may not.
        """
        parts = urlsplit(self._deployment.auth_url if login else self._deployment.backend_url)
        where = {"host": parts.hostname, "port": parts.port or parts.scheme}
        try:
            with AuthClient(self._deployment) as client:
                return work(client)
        except ApiError as error:
            if error.status >= _SERVER_ERROR:
                reason = Reason.of(Code.HTTP_ERROR, url=parts.geturl(), status=error, source=_BACKEND)
            elif login and error.status in _DENIED:
                reason = Reason.of(Code.LOGIN_FAILED, error=error, source=login, **where)
            else:
                reason = self._other(error)
            raise Refused(reason) from error
        except httpx.TimeoutException as error:
            raise Refused(Reason.of(Code.CONNECT_TIMEOUT, seconds=HTTP_SECONDS, source=_BACKEND, **where)) from error
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Refused(self._other(f"{type(error).__name__} {error}")) from error

    def _other(self, error: object) -> Reason:
        parts = urlsplit(self._deployment.backend_url)
        where = {"host": parts.hostname, "port": parts.port or parts.scheme, "source": _BACKEND}
        return Reason.of(Code.WRONG_SERVICE, service="a backend that these tests know", error=error, **where)
