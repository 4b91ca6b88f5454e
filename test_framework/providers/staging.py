"""Staging: the services of a shared environment, for tests that are safe there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.providers._external import ExternalServer, find
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from test_framework.contracts import Context, Service


class Staging:
    """See `contracts.Provider`."""

    name = "staging"
    builds_on = ()

    def probe(self, service: Service, context: Context) -> str | None:
        """Ask the server a query, once a run; asking changes nothing."""
        return self.obtain(service, context).endpoint.version

    def obtain(self, service: Service, context: Context) -> ExternalServer:
        """Return the server behind the service's `STAGING_…_URL`."""
        variable = service.staging_variable
        url = context.env.get(variable)
        if not url:
            what = f"{service.name} in staging"
            raise Refused(Reason.of(Code.NOT_CONFIGURED, what=what, variables=variable))
        return context.memo.once(f"staging {service.name}", lambda: find(service, self.name, url, variable, context))


PROVIDER = Staging()
