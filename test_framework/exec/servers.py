"""The servers of one command: leased for as long as it runs, told in a line each, or refused together."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from test_framework.config import BadSetting
from test_framework.exec.variables import fields_of, ports_of
from test_framework.reasons import Code
from test_framework.supervisor.client import SupervisorLost, connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from test_framework.config import Settings
    from test_framework.contracts import Dedicated
    from test_framework.resolution import Endpoint, Resolution
    from test_framework.supervisor.client import SupervisorClient


class NotServed(Exception):
    """A service cannot be had; each that cannot has been told."""


@contextmanager
def leased(
    settings: Settings, wishes: Mapping[str, Dedicated], say: Callable[[str], None], tell: Callable[[str], None]
) -> Iterator[dict[str, Endpoint]]:
    """Have these services for the length of the block, each from the first provider that gives it.

    Args:
        settings: Of the project.
        wishes: How each service is wanted.
        say: Called with a line of progress for a person who waits.
        tell: Called with a line for each service that says what it runs on, or why it cannot be had and what to do.

    Yields:
        Where they are. When the block ends, those that were started have ended too.

    Raises:
        NotServed: At least one of them cannot be had.
        BadSetting: What is there is not as it was wished, or the settings cannot be used.
        SupervisorLost: See `supervisor.client.connect`.
    """
    with closing(connect(settings, {}, uuid4().hex, say)) as client:
        requests = [
            replace(ServiceRequest.of(name, settings, None), dedicated=dedicated) for name, dedicated in wishes.items()
        ]
        client.warm(requests)
        resolutions = {request.service: client.resolve(request) for request in requests}
        for resolution in resolutions.values():
            tell(_describe_refusal(resolution))
        endpoints = {name: found.endpoint for name, found in resolutions.items() if found.endpoint}
        if len(endpoints) < len(wishes):
            raise NotServed
        for name, endpoint in endpoints.items():
            _check(endpoint, wishes[name], ports_of(settings))
        try:
            yield endpoints
        finally:
            _end(client, endpoints, tell)


def _describe_refusal(resolution: Resolution) -> str:
    """Return the line of a service, and the log of a server that did not start below it."""
    name, endpoint, reason = resolution.service, resolution.endpoint, resolution.reason
    tried = [(a.provider, a.reason) for a in resolution.attempts if a.reason and a.reason is not reason]
    beside = ", ".join(
        f"{provider}: {why.code}" for provider, why in tried if not endpoint or why.code != Code.NOT_CONFIGURED
    )
    note = f" [{beside}]" if beside else ""
    if endpoint:
        asked = f" ({endpoint.note})" if endpoint.note else ""
        version = f" {endpoint.version}" if endpoint.version else ""
        return f"{name}{version}{asked} on {endpoint.provider} at {endpoint.safe_url}{note}"
    refused = resolution.refused
    log = f"\nThe end of the server's log:\n{refused.log.rstrip()}" if refused.log.strip() else ""
    return f"{name} is unavailable: {refused.reason}{note}. {refused.reason.remedy}{log}"


def _check(endpoint: Endpoint, dedicated: Dedicated, ports: Mapping[str, int]) -> None:
    """Refuse an external server whose port or password is not what the options ask for."""
    parts, fields = urlsplit(endpoint.url), fields_of(endpoint, ports)
    where = f"{endpoint.service} on {endpoint.provider}, at {endpoint.safe_url},"
    instead = f"Set TEST_FRAMEWORK_{endpoint.service.upper()}_PROVIDERS=docker,embedded for a server of its own."
    if not parts.hostname or parts.scheme == "unix" or "host" in parse_qs(parts.query):
        raise BadSetting(f"{where} has no host name to pass to the command. {instead}")
    if dedicated.port and fields["port"] != str(dedicated.port):
        raise BadSetting(f"--port {endpoint.service}={dedicated.port}: {where} cannot use that port. {instead}")
    if not dedicated.password and fields["password"] and endpoint.provider != "explicit":
        raise BadSetting(f"--no-password: {where} has a password in its url_format. Remove the option.")
    if not dedicated.password and fields["password"]:
        raise BadSetting(f"--no-password: {where} requires one. {instead}")


def _end(client: SupervisorClient, endpoints: Mapping[str, Endpoint], tell: Callable[[str], None]) -> None:
    """Say which server did not live as long as the command, and wait until the others have ended."""
    try:
        for refused in client.dead(endpoints):
            tell(f"{refused}. {refused.reason.remedy}")
        client.end_dedicated()
    except SupervisorLost as lost:
        tell(str(lost))
