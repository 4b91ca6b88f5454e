"""A staging environment on this machine: this project's servers behind TLS, whole or with one thing broken."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import trustme

from test_framework.config import BadSetting
from test_framework.e2e.auth import AuthClient
from test_framework.e2e.deployment import Deployment
from test_framework.e2e.errors import ApiError
from test_framework.e2e.user import User
from test_framework.resolution import STARTED_BY_US, moved
from test_framework.staging.front import Front, relay
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint
    from test_framework.staging.faults import Fault
    from test_framework.supervisor.client import SupervisorClient


@contextmanager
def stand_in(settings: Settings, fault: Fault, folder: Path, say: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Stand for a staging environment for the length of the block.

    Args:
        settings: Of the project.
        fault: What is broken about it.
        folder: For the certificate of the authority; the caller removes it.
        say: Called with a line for a person who waits.

    Yields:
        The variables with which the tier `e2e-staging` finds it, secrets among them.

    Raises:
        Refused: A server that it needs cannot be had, with the reason.
        BadSetting: No service is under test, or the settings do not say how its configuration drifts.
        SupervisorLost, BadSetting: See `supervisor.client.connect`.
    """
    if not settings.e2e.service:
        raise BadSetting("a stand-in needs a service to stand for: set service in [tool.test_framework.e2e].")
    drift = settings.stand_in.drift if fault.drifted else {}
    if fault.drifted and not drift:
        raise BadSetting("nothing says how the configuration drifts: set drift in [tool.test_framework.stand_in].")
    with ExitStack() as stack:
        # A database that is cut off cannot be tidied up, so it is one that ends with us.
        shared = replace(settings, supervisor=settings.supervisor and not fault.cut_database)
        client = stack.enter_context(closing(connect(shared, {}, uuid4().hex, say)))
        postgres, redis = (_ours(client, name, settings) for name in ("postgres", "redis"))
        cable = stack.enter_context(Front(relay(*_address(postgres.url)))) if fault.cut_database else None
        if cable or fault.drifted:
            urls = {
                "POSTGRES": moved(postgres.url, "127.0.0.1", cable.port) if cable else postgres.url,
                "REDIS": redis.url,
            }
            backend = stack.enter_context(_another_backend(settings, urls, drift, say))
        else:
            backend = _ours(client, settings.e2e.service, settings)
        deployment = Deployment.of(backend, {}, api=settings.e2e)
        user = stack.enter_context(User.new(deployment, run_id=f"stand-in-{uuid4().hex[:8]}"))
        with AuthClient(deployment) as asking:
            told = asking.configuration(user.tokens.access_token)["settings"]
        if cable:
            cable.cut()
        else:
            stack.callback(_forget, user)
        authority = trustme.CA()
        bundle = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(bundle))
        at = stack.enter_context(fault.door(backend.url, redis.url, authority))
        yield {
            "STAGING_BACKEND_URL": f"https://{at}",
            "STAGING_AUTH_URL": f"https://{at}",
            "STAGING_WEBSOCKET_URL": f"wss://{at}{settings.e2e.path('websocket')}",
            # The servers of the backend, by the names of its own parts of them.
            "STAGING_POSTGRES_URL": _with_path(postgres.url, told["database_url"]),
            "STAGING_REDIS_URL": _with_path(redis.url, told["redis_url"]),
            "STAGING_USERNAME": user.email,
            "STAGING_PASSWORD": f"not {user.password}" if fault.wrong_password else user.password,
            "STAGING_CA_BUNDLE": str(bundle),
            **_expected(settings),
            "TEST_FRAMEWORK_ALLOWED_HOSTS": ",".join([*settings.allowed_hosts, fault.host]),
        }


def _expected(settings: Settings) -> dict[str, str]:
    """Return the variable of what the tests are to expect, where the settings say it."""
    told = ", ".join(f"{key}={value}" for key, value in settings.stand_in.expect.items())
    return {"TEST_FRAMEWORK_EXPECT": told} if told else {}


def _ours(client: SupervisorClient, name: str, settings: Settings) -> Endpoint:
    """Lease a server that runs on this machine; what others run is not ours to put a front before."""
    wanted = ServiceRequest.of(name, settings, None)
    order = tuple(provider for provider in wanted.order if provider in STARTED_BY_US)
    return _resolved(client, replace(wanted, order=order, source="a stand-in, whose servers are ours"))


def _resolved(client: SupervisorClient, wanted: ServiceRequest) -> Endpoint:
    resolution = client.resolve(wanted)
    if resolution.endpoint is None:
        raise resolution.refused
    return resolution.endpoint


@contextmanager
def _another_backend(
    settings: Settings, urls: Mapping[str, str], variables: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[Endpoint]:
    """Run a backend of our own on these servers, with these settings."""
    changed = dict(variables)
    for name, url in urls.items():
        changed |= {f"TEST_FRAMEWORK_{name}_URL": url, f"TEST_FRAMEWORK_{name}_PROVIDERS": "explicit"}
    with ExitStack() as stack:
        before = dict(os.environ)
        os.environ.update(changed)
        try:
            # In this process: it takes its settings from here, and nobody else is to find this backend.
            client = stack.enter_context(closing(connect(replace(settings, supervisor=False), {}, uuid4().hex, say)))
            request = ServiceRequest(settings.e2e.service, ("embedded",), "a stand-in with other settings")
            backend = _resolved(client, request)
        finally:
            os.environ.clear()
            os.environ.update(before)
        yield backend


def _forget(user: User) -> None:
    # A backend that is gone by then was the only one that knew him.
    with suppress(ApiError, httpx.HTTPError):
        user.forget()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 0


def _with_path(url: str, other: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=urlsplit(other).path))
