"""Addresses of a deployment: taken from the endpoint, and for staging from the environment; what is none is told."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from test_framework.config import BadSetting, E2ESettings
from test_framework.e2e.auth import AuthClient, Pkce
from test_framework.e2e.deployment import BadDeployment, Deployment
from test_framework.e2e.transport import handshake
from test_framework.resolution import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

STAGING = {"STAGING_AUTH_URL": "https://auth.example/v1/", "STAGING_WEBSOCKET_URL": "wss://live.example/socket"}


def deployment(url: str, provider: str = "embedded", **env: str) -> Deployment:
    """Return the deployment behind a URL."""
    return Deployment.of(Endpoint("backend", provider, url, None), env, ["*.example"])


@pytest.mark.parametrize(
    ("url", "websocket"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws"),
        ("https://host.example/api/", "wss://host.example/api/ws"),
        ("http://[::1]:8000", "ws://[::1]:8000/ws"),
    ],
)
def test_the_websocket_is_beside_the_rest(url: str, websocket: str) -> None:
    """On the same host, with TLS where the rest has it."""
    found = deployment(url)
    assert found.websocket_url == websocket
    assert found.auth_url == found.backend_url == url.rstrip("/")
    assert (found.ssl is not None) == url.startswith("https")


def test_the_settings_say_where_it_answers_what() -> None:
    """The path of the WebSocket is below the URL; clients offer the subprotocol, and none where there is none."""
    endpoint = Endpoint("shop", "embedded", "https://host.example/api", None)
    bare = Deployment.of(endpoint, {})
    assert (bare.websocket_url, handshake(bare, None, "header", 1)["subprotocols"]) == (
        "wss://host.example/api/ws",
        None,
    )
    told = Deployment.of(endpoint, {}, api=E2ESettings(subprotocol="chat.v1", paths={"websocket": "/live"}))
    assert told.websocket_url == "wss://host.example/api/live"
    assert handshake(told, None, "header", 1)["subprotocols"] == ["chat.v1"]
    assert handshake(told, "x", "subprotocol", 1)["subprotocols"] == ["chat.v1", "bearer.x"]


def test_a_client_of_oauth_that_nothing_names() -> None:
    """One line says what to set, and no password is sent; what is given counts more than the settings."""
    at = deployment("http://127.0.0.1:9")
    with AuthClient(at) as client, pytest.raises(BadSetting, match="set oauth_client and oauth_redirect in"):
        client.authorize("me@example.org", "hunter2", Pkce.make())
    with AuthClient(at) as client, pytest.raises(BadSetting, match="set oauth_redirect in"):
        client.exchange_code("code", Pkce.make(), client_id="web")


def test_staging_has_addresses_of_its_own() -> None:
    """They count for staging alone; empty ones are not set."""
    found = deployment("https://host.example", "staging", **STAGING)
    assert (found.auth_url, found.websocket_url) == ("https://auth.example/v1", "wss://live.example/socket")
    assert deployment("https://host.example", "explicit", **STAGING).auth_url == "https://host.example"
    assert deployment("https://host.example", "staging", STAGING_AUTH_URL="").auth_url == "https://host.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGING_AUTH_URL", "wss://auth.example"),
        ("STAGING_AUTH_URL", "auth.example"),
        ("STAGING_AUTH_URL", "https://"),
        ("STAGING_AUTH_URL", "https://auth.example:port"),
        ("STAGING_AUTH_URL", "https://[auth.example"),
        ("STAGING_AUTH_URL", "https://me:hunter2@auth.example"),
        ("STAGING_WEBSOCKET_URL", "https://live.example/hunter2"),
        ("STAGING_WEBSOCKET_URL", "wss://live.example/ws?token=hunter2"),
    ],
)
def test_an_address_that_is_none_is_told(name: str, value: str) -> None:
    """By the variable and what is wanted; the value may hold a password, and is not shown."""
    with pytest.raises(BadDeployment, match=rf"^{name} .*(https|wss)://host\[:port\]\[/path\]") as caught:
        deployment("https://host.example", "staging", **{name: value})
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "url", "host"),
    [
        ("STAGING_AUTH_URL", "https://login.elsewhere.invalid", "login.elsewhere.invalid"),
        ("STAGING_WEBSOCKET_URL", "wss://host.example.invalid/ws", "host.example.invalid"),
        ("STAGING_AUTH_URL", "https://192.0.2.1", "192.0.2.1"),
    ],
)
@pytest.mark.parametrize("allowed", [[], ["host.example"], ["*.example"]])
def test_a_password_is_for_hosts_that_are_allowed(name: str, url: str, host: str, allowed: list[str]) -> None:
    """No client of a deployment is made of an address elsewhere; the reason names host, variable and setting."""
    endpoint = Endpoint("backend", "staging", "https://host.example", None)
    with pytest.raises(BadDeployment) as caught:
        Deployment.of(endpoint, {name: url}, allowed)
    assert all(part in str(caught.value) for part in (host, name, "allowed_hosts"))


def test_the_host_of_the_backend_is_allowed_already() -> None:
    """It has been asked for the endpoint; a host of this machine needs no leave."""
    endpoint = Endpoint("backend", "staging", "https://host.example", None)
    env = {"STAGING_AUTH_URL": "https://HOST.example:444/auth", "STAGING_WEBSOCKET_URL": "ws://127.0.0.1:1/ws"}
    assert Deployment.of(endpoint, env).auth_url == "https://HOST.example:444/auth"


def test_an_endpoint_that_is_no_address_is_told() -> None:
    """It names the service and its provider."""
    with pytest.raises(BadDeployment, match=r"the URL of backend \(explicit\) is not http://"):
        deployment("postgresql://host", "explicit")


def test_a_bundle_is_trusted(tmp_path: Path) -> None:
    """And nothing else: the authorities are those of the file."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    found = deployment("https://host.example", "staging", STAGING_CA_BUNDLE=str(bundle)).ssl
    assert found is not None
    assert found.verify_mode == ssl.CERT_REQUIRED
    assert len(found.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_is_none_is_told(tmp_path: Path, content: str | None) -> None:
    """One that is not there, and one without a certificate."""
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(BadDeployment, match=f"STAGING_CA_BUNDLE={bundle} is no usable file of certificates"):
        deployment("https://host.example", "staging", STAGING_CA_BUNDLE=str(bundle))
