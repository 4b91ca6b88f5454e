"""What explicit and staging share: a server that somebody else runs, reached by a URL."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.providers._start import check_major
from test_framework.reasons import Code
from test_framework.verdict import Endpoint, Reason, Refused, host_of, is_loopback

if TYPE_CHECKING:
    from test_framework.contracts import Context, Service

__all__ = ["RemoteServer", "find"]

_ASK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """A server that is not ours. See `contracts.Server`."""

    endpoint: Endpoint
    identity: str = ""

    def died(self) -> Reason | None:
        """Nothing is known of its process; the next question to it tells."""
        return None

    def outdated(self, context: Context) -> bool:  # noqa: ARG002  # a protocol's method
        """What runs there is somebody else's choice."""
        return False

    def log(self) -> str:
        """Its log is somewhere else."""
        return ""

    def stop(self) -> None:
        """It is not ours to stop."""


def find(service: Service, provider: str, url: str, source: str, context: Context) -> RemoteServer:
    """Check the address and ask the server a real query.

    Args:
        service: What must answer there.
        provider: `explicit` or `staging`.
        url: The address.
        source: The variable or key that holds it.
        context: Holds the hosts that may be reached.

    Raises:
        Refused: `wrong-service` for an unusable URL, `host-not-allowed`, or what the check says.
    """
    host = _host(service, url, source)
    if not is_loopback(host) and not any(fnmatch(host, allowed) for allowed in context.settings.allowed_hosts):
        raise Refused(Reason.of(Code.HOST_NOT_ALLOWED, host=host))
    version = service.check(url, source, _ASK_SECONDS, context.env)
    note = check_major(service, version, context)
    return RemoteServer(Endpoint(service.name, provider, url, version or None, note))


def _host(service: Service, url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = host_of(url), parts.port or "its usual port"
    except ValueError as error:
        where = {"host": "the address", "port": "?", "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service=service.name, error=error, **where)) from error
    if service.schemes and parts.scheme not in service.schemes:
        why = f"the URL begins with {parts.scheme!r}, and not with one of {', '.join(service.schemes)}"
        at = {"host": host or "the address", "port": port, "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service=service.name, error=why, **at))
    return host
