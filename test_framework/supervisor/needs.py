"""What a server depends on: those services resolved first, and parts of them handed to it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from test_framework.reach import why_not_write
from test_framework.resolution import Endpoint, Refused, Resolution, hide_secrets
from test_framework.resolve import reachable, without
from test_framework.supervisor.wire import Want

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.contracts import Databases, Isolated, Provider, Server, Service
    from test_framework.supervisor.run import Run

__all__ = ["Held", "resolve_needs"]

_log = logging.getLogger(__name__)


@runtime_checkable
class Watches(Protocol):
    """A `Databases` whose parts are not walled off: it sees what a test does beside its own."""

    def left(self, isolated: Isolated) -> list[str]:
        """Return what has changed on the server, beside all parts, since this one was handed out."""


@dataclass(frozen=True, slots=True)
class Held:
    """An isolated part of a server that a client, or another server, has.

    `arrivals` is how many clients there had been when the part was handed to the only one of them, and 0 where there
    were others.
    """

    service: str
    isolated: Isolated
    databases: Databases
    server: Server
    arrivals: int = 0

    def left(self) -> list[str]:
        """Return what has changed on the server since; nothing where the parts are walled off."""
        return self.databases.left(self.isolated) if isinstance(self.databases, Watches) else []

    def give_back(self, *, keep: bool) -> None:
        """Take it back; `keep` leaves it for a person to look at."""
        try:
            self.databases.give_back(self.isolated, keep=keep)
        except Exception as error:
            # Its user is done with it. What ails the server is told to the next one that needs it.
            why = hide_secrets(str(error))
            _log.warning("%s %s cannot be taken back: %s", self.service, self.isolated.name, why)


def resolve_needs(
    service: Service,
    way: Provider,
    want: Want,
    run: Run,
    resolve: Callable[[Run, Want], tuple[Resolution, Server | None]],
) -> dict[str, Server]:
    """Resolve, in order, what a service depends on when it is started by this provider.

    Raises:
        Refused: `dependency-unavailable` or `dependency-broken`, with the reason that the dependency itself has.
    """
    if not (service.needs and way.builds_on):
        return {}
    run.say(f"{service.name} on {way.name}: first {' and '.join(service.needs)}, which it needs")
    found: dict[str, Server] = {}
    for name in service.needs:
        wanted = Want.of(name, run.settings, want.tier)
        order = reachable(wanted.order, way.builds_on)
        resolution, server = resolve(run, Want(name, order, wanted.source, want.tier))
        if server is None:
            refused = resolution.refused
            raise Refused(without(service.name, way.name, name, refused.reason), refused.log)
        _refuse_elsewhere(service, way, server.endpoint)
        found[name] = server
    return found


def _refuse_elsewhere(service: Service, way: Provider, base: Endpoint) -> None:
    """Refuse a server of another machine: what we start writes, and that must not reach it by itself."""
    if reason := why_not_write(base):
        raise Refused(without(service.name, way.name, base.service, reason))
