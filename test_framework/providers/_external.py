"""What explicit and staging share: an external server, reached by a URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.providers._startup import check_version
from test_framework.reach import AmbiguousURL, ParsedURL, parse_url, reach
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused

if TYPE_CHECKING:
    from test_framework.contracts import Context, Service

_ASK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ExternalServer:
    """An external server. See `contracts.Server`."""

    endpoint: Endpoint
    identity: str = ""

    def died(self) -> Reason | None:
        """Return None: its process is not ours to watch. The next query shows whether it answers."""
        return None

    def outdated(self, context: Context) -> bool:  # noqa: ARG002  # a protocol's method
        """Return False: others decide what runs there."""
        return False

    def url_from_container(self, url: str) -> str:
        """Return the same URL: no container is started on a server of this kind, see `Docker.builds_on`."""
        return url

    def log(self) -> str:
        """Return an empty text: its log cannot be read from here."""
        return ""

    def stop(self) -> None:
        """Do nothing: others run it."""


def find(service: Service, provider: str, url: str, source: str, context: Context) -> ExternalServer:
    """Check the address and ask the server a real query.

    Args:
        service: What must answer there.
        provider: `explicit` or `staging`.
        url: The address.
        source: The variable or key that holds it.
        context: Holds the hosts that may be reached.

    Raises:
        Refused: `wrong-service` for an unusable URL, `host-not-allowed`, or what the checks say.
    """
    address = _address(service, url, source, context)
    found = reach(address, source, context.settings.allowed_hosts)
    version = service.check(found.url, source, _ASK_SECONDS, context.env)
    note = check_version(service, version, context)
    endpoint = Endpoint(service.name, provider, found.url, version or None, note, remote=found.remote)
    service.check_extensions(endpoint, context)
    return ExternalServer(endpoint)


def _address(service: Service, url: str, source: str, context: Context) -> ParsedURL:
    scheme = url.partition(":")[0].lower()
    try:
        if service.schemes and scheme not in service.schemes:
            raise AmbiguousURL(f"the URL begins with {scheme!r}, and not with one of {', '.join(service.schemes)}")
        return parse_url(url, context.env)
    except AmbiguousURL as error:
        where = {"host": "the address", "port": "?", "source": source}
        raise Refused(Reason.of(Code.WRONG_SERVICE, service=service.name, error=error, **where)) from error
