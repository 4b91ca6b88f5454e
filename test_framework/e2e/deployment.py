"""Where a backend is deployed: the addresses that a test talks to, and whose certificates it trusts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx

from test_framework import inputs
from test_framework.config import E2ESettings
from test_framework.reach import AmbiguousURL, check_allowed, parse_url
from test_framework.resolution import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_framework.resolution import Endpoint

__all__ = ["HTTP_SECONDS", "BadDeployment", "Deployment"]

HTTP_SECONDS = 10.0
"""Bound on each part of a request: the connection, the writing, and every wait for an answer."""

_HTTP = ("http", "https")
_WS = ("ws", "wss")


class BadDeployment(ValueError):
    """An address or a certificate bundle that cannot be used: it names the variable and what is wrong."""


@dataclass(frozen=True)
class Deployment:
    """The addresses of one backend.

    Attributes:
        backend_url: Where threads, runs, schemas and health are.
        auth_url: Where accounts and tokens are.
        websocket_url: Where the WebSocket is, with its path.
        ca_bundle: A file with the authorities to trust; those of the system when None.
        api: The paths below these addresses, and what else its clients have to know.
    """

    backend_url: str
    auth_url: str
    websocket_url: str
    ca_bundle: str | None = None
    api: E2ESettings = field(default_factory=E2ESettings)

    @classmethod
    def of(
        cls,
        endpoint: Endpoint,
        env: Mapping[str, str],
        allowed_hosts: Iterable[str] = (),
        api: E2ESettings | None = None,
    ) -> Deployment:
        """Return the deployment behind the endpoint of a service.

        Args:
            endpoint: The service; accounts and the WebSocket are taken to be on the same host.
            env: Where the endpoint is staging, `STAGING_AUTH_URL`, `STAGING_WEBSOCKET_URL` and `STAGING_CA_BUNDLE`
                of it count; otherwise nothing of it does.
            allowed_hosts: Hosts outside of this machine that may be given credentials, as patterns, beside that of the
                endpoint.
            api: What `[tool.test_framework.e2e]` says; its defaults when None.

        Raises:
            BadDeployment: An address is none, its host is not allowed, or the bundle cannot be read.
        """
        set_by = {name: value for name, value in env.items() if value} if endpoint.provider == "staging" else {}
        api = api or E2ESettings()
        backend = _address(endpoint.url, f"the URL of {endpoint.service} ({endpoint.provider})", _HTTP)
        path = f"{backend.path}{api.path('websocket')}"
        beside = backend._replace(scheme="wss" if backend.scheme == "https" else "ws", path=path)
        auth, websocket = set_by.get("STAGING_AUTH_URL"), set_by.get("STAGING_WEBSOCKET_URL")
        made = cls(
            urlunsplit(backend),
            urlunsplit(_address(auth, "STAGING_AUTH_URL", _HTTP) if auth else backend),
            urlunsplit(_address(websocket, "STAGING_WEBSOCKET_URL", _WS) if websocket else beside),
            set_by.get("STAGING_CA_BUNDLE"),
            api,
        )
        trusted = (*allowed_hosts, backend.hostname or "")
        for url, variable in ((auth, "STAGING_AUTH_URL"), (websocket, "STAGING_WEBSOCKET_URL")):
            if url:
                _check_allowed(url, variable, trusted)
        _ = made.ssl
        return made

    @cached_property
    def ssl(self) -> ssl.SSLContext | None:
        """What checks certificates; None where no address has TLS."""
        if not any(url.startswith(("https:", "wss:")) for url in (self.backend_url, self.auth_url, self.websocket_url)):
            return None
        try:
            if self.ca_bundle:
                inputs.refuse_special(self.ca_bundle)
            return ssl.create_default_context(cafile=self.ca_bundle)
        except OSError as error:
            why = error.strerror or error
            raise BadDeployment(
                f"STAGING_CA_BUNDLE={self.ca_bundle} is no usable file of certificates: {why}"
            ) from error

    def http(self, base_url: str) -> httpx.Client:
        """Return a client for paths below one of the addresses, which the caller closes.

        It takes nothing from the environment, follows no redirect, and waits `HTTP_SECONDS` at most. What it is asked
        to send elsewhere than to this deployment, by a redirect or an address in an answer too, it refuses with
        `BadDeployment`: a password or a token may be in it.
        """
        return httpx.Client(
            base_url=base_url,
            verify=self.ssl or _trusts_nobody(),
            timeout=HTTP_SECONDS,
            trust_env=False,
            event_hooks={"request": [self._refuse_elsewhere]},
        )

    def _refuse_elsewhere(self, request: httpx.Request) -> None:
        to = _origin(request.url)
        known = [_origin(httpx.URL(url)) for url in (self.backend_url, self.auth_url)]
        if to not in known:
            raise BadDeployment(
                f"a request to {to} is not sent, since the deployment is at {' and '.join(dict.fromkeys(known))}: "
                f"it may hold a password or a token"
            )


def _trusts_nobody() -> ssl.SSLContext:
    # Without it httpx reads the system's authorities for each client, which takes longer than the request.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _origin(url: httpx.URL) -> str:
    usual = {"http": 80, "https": 443}
    return f"{url.scheme}://{url.host}:{url.port or usual.get(url.scheme)}"


def _check_allowed(url: str, variable: str, allowed: Iterable[str]) -> None:
    try:
        check_allowed(parse_url(url, {}), variable, allowed)
    except Refused as refused:
        raise BadDeployment(f"{refused.reason.message}. {refused.reason.remedy}") from refused
    except AmbiguousURL as error:
        raise BadDeployment(f"{variable} is no usable address: {error}") from error


def _address(url: str, source: str, schemes: tuple[str, ...]) -> SplitResult:
    wanted = " or ".join(f"{scheme}://host[:port][/path]" for scheme in schemes)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # The URL itself is not shown: what is wrong with it may be a password.
    if not usable:
        raise BadDeployment(f"{source} is not {wanted}")
    if parts.username is not None or parts.query or parts.fragment:
        raise BadDeployment(f"{source} has a user, a query or a fragment; wanted: {wanted}")
    return parts._replace(path=parts.path.rstrip("/"))
