"""Docker: a container of the service's image, on the engine that the docker CLI would use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.providers._startup import check_version
from test_framework.providers.docker.probe import Engine, probe
from test_framework.providers.docker.variables import check

if TYPE_CHECKING:
    from test_framework.contracts import Context, Server, Service

__all__ = ["PROVIDER", "Docker"]


class Docker:
    """See `contracts.Provider`."""

    name = "docker"
    builds_on = ("docker",)

    def probe(self, service: Service, context: Context) -> str | None:
        """Ask the engine whether it is there and has the image, and where it has not, whether its registry has."""
        from test_framework.providers.docker import images

        version = images.probe_image(self._engine(context), service, context)
        if version:
            check_version(service, version, context)
        return version

    def obtain(self, service: Service, context: Context) -> Server:
        """Start a container, pulling its image where it is not there, and wait until it answers."""
        engine = self._engine(context)
        # The SDK takes a fifth of a second to import: only for a container that really starts.
        from test_framework.providers.docker.container import start

        return start(service, engine, context)

    def _engine(self, context: Context) -> Engine:
        def ask() -> Engine:
            engine = probe(context.env)
            check(context.env)
            return engine

        return context.memo.once("docker engine", ask)


PROVIDER = Docker()
