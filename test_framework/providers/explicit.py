"""Explicit: a server whose URL somebody has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.providers._external import ExternalServer, find
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from test_framework.contracts import Context, Service


class Explicit:
    """See `contracts.Provider`."""

    name = "explicit"
    builds_on = ()

    def probe(self, service: Service, context: Context) -> str | None:
        """Ask the server a query, once a run; asking changes nothing."""
        return self.obtain(service, context).endpoint.version

    def obtain(self, service: Service, context: Context) -> ExternalServer:
        """Return the server behind the URL."""
        url, source = self._url(service, context)
        return context.memo.once(f"explicit {service.name}", lambda: find(service, self.name, url, source, context))

    def _url(self, service: Service, context: Context) -> tuple[str, str]:
        table = context.settings.service(service.name)
        if table.url:
            return table.url, context.settings.origin(f"services.{service.name}.url")
        for variable in table.url_env:
            if url := context.env.get(variable):
                return url, variable
        variables = (f"TEST_FRAMEWORK_{service.name.upper()}_URL", *table.url_env)
        what = f"a URL for {service.name}"
        raise Refused(Reason.of(Code.NOT_CONFIGURED, what=what, variables=" or ".join(variables)))


PROVIDER = Explicit()
