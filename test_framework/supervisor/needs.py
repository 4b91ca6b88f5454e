"""Resolves the services that a server depends on, before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework import services
from test_framework.reach import refuse_remote
from test_framework.resolution import Refused, Resolution
from test_framework.resolve import dependency_reason, usable_for_dependencies
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.contracts import Provider, Service
    from test_framework.supervisor.managed import ManagedServer
    from test_framework.supervisor.run import Run


def resolve_needs(
    service: Service,
    provider: Provider,
    request: ServiceRequest,
    run: Run,
    resolve: Callable[[Run, Service, ServiceRequest], tuple[Resolution, ManagedServer | None]],
) -> dict[str, ManagedServer]:
    """Resolve, in order, what a service depends on when it is started by this provider.

    Raises:
        Refused: `dependency-unavailable` or `dependency-broken`, with the reason that the dependency itself has.
    """
    if not (service.needs and provider.builds_on):
        return {}
    run.say(f"{service.name} on {provider.name}: first {' and '.join(service.needs)}, which it needs")
    found: dict[str, ManagedServer] = {}
    for name in service.needs:
        wanted = ServiceRequest.of(name, run.settings, request.tier)
        order = usable_for_dependencies(wanted.order, provider.builds_on)
        needed = services.get(name, run.settings)
        resolution, server = resolve(run, needed, ServiceRequest(name, order, wanted.source, request.tier))
        if server is None:
            refused = resolution.refused
            raise Refused(dependency_reason(service.name, provider.name, name, refused.reason), refused.log)
        try:
            # What we start writes, and that must not reach another machine by itself.
            refuse_remote(server.endpoint)
        except Refused as refused:
            raise Refused(dependency_reason(service.name, provider.name, name, refused.reason)) from refused
        found[name] = server
    return found
