"""What the supervisor does, in whichever process: admit runs, resolve services, hand out isolated resources."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_framework import services
from test_framework.deadline import within
from test_framework.reach import why_not_write
from test_framework.resolution import hide_secrets
from test_framework.supervisor.managed import Checkout, ManagedServer
from test_framework.supervisor.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from test_framework.contracts import IsolatedResource
    from test_framework.resolution import Refused, Resolution
    from test_framework.supervisor.guard import Guard
    from test_framework.supervisor.run import Run
    from test_framework.supervisor.wire import ServiceRequest

_log = logging.getLogger(__name__)
_LEAVE_SECONDS = 10.0
"""The bound on removing what a run has made on an external server."""


class Supervisor:
    """Owns servers. Safe to call from several threads.

    Attributes:
        guard: Knows what must vanish if this process is killed.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder = folder
        self.guard = guard
        self._resolver = Resolver(folder, guard)
        self._lock = threading.Lock()
        self._run_left = threading.Condition(self._lock)
        self._leaving = 0
        self._checkouts: dict[str, dict[str, Checkout]] = {}
        self._runs: dict[str, Run] = {}
        self._pool = ThreadPoolExecutor(thread_name_prefix="resolve")
        self._clients_ever = 0

    def enter(self, run: Run) -> Run:
        """Add a client to its run, which the workers of a run share."""
        with self._lock:
            known = self._runs.setdefault(run.id, run)
            known.clients += 1
            self._clients_ever += 1
            return known

    def leave(self, run: Run, client: str) -> None:
        """Take back what a client holds, also when it was killed."""
        for name in list(self._checkouts.get(client, {})):
            self.give_back(client, name, retain=False)
        with self._lock:
            self._checkouts.pop(client, None)
            run.clients -= 1
            if not run.over:
                return
            self._runs.pop(run.id, None)
            self._leaving += 1
        try:
            self.end_dedicated(run)
            for databases in [server.made_databases() for server in self._resolver.servers()]:
                # A run that has come meanwhile may have begun to use what is there.
                if databases and not self._runs:
                    databases.tidy()
        finally:
            with self._lock:
                self._leaving -= 1
                self._run_left.notify_all()

    def warm(self, run: Run, requests: Iterable[ServiceRequest]) -> None:
        """Begin to resolve, side by side, without waiting; the run may be over before this begins."""
        with self._lock:
            for request in () if self._resolver.closing else requests:
                service = services.get(request.service, run.settings)
                self._pool.submit(self._warm, run, request)
                # What a probe waits for need not be waited for twice.
                self._pool.map(import_module, service.modules)

    def _warm(self, run: Run, request: ServiceRequest) -> None:
        self.resolve(run, request)
        server = run.servers.get(request.service)
        # To make something ready is to write, and no test has said yet that it may.
        if (
            server
            and server.service.supports_isolation
            and not request.dedicated
            and not why_not_write(server.endpoint)
        ):
            template = run.settings.service(request.service).template
            server.databases(run.settings, self._folder).prepare(template, run.id, run.env)

    def resolve(self, run: Run, request: ServiceRequest) -> Resolution:
        """Resolve a service for a run; `checkout` can hand out resources of its server from then on."""
        service = services.get(request.service, run.settings)
        resolution, server = self._resolver.resolve(run, service, request)
        if server is None:
            return resolution
        run.servers[service.name] = server
        if request.dedicated and server.external and service.supports_isolation:
            # Nobody can have such a server to himself, but a resource of it.
            resource = run.memo.once(
                f"resource of {service.name}", lambda: self.checkout(run, run.id, server, skip_template=True)
            )
            return replace(resolution, endpoint=resource.endpoint)
        return resolution

    def checkout(
        self, run: Run, client: str, server: ManagedServer, *, skip_template: bool = False
    ) -> IsolatedResource:
        """Hand an isolated resource of a server to a client.

        Args:
            run: The run of the client.
            client: The name of the client, which holds the resource from then on.
            server: The server.
            skip_template: Whether it is for something else than a test, which knows of no template and no prefix.

        Raises:
            Refused: The server died, or the template failed.
        """
        template = () if skip_template else run.settings.service(server.service.name).template
        with server.translating_server_errors():
            databases = server.databases(run.settings, self._folder)
            isolated = databases.checkout(template, run.id, run.env, skip_template=skip_template)
        with self._lock:
            alone = sum(r.clients for r in self._runs.values()) == 1
            checkout = Checkout(server, isolated, databases, self._clients_ever if alone else 0)
            self._checkouts.setdefault(client, {})[isolated.name] = checkout
        return isolated

    def leaked(self, client: str, name: str) -> tuple[list[str], bool]:
        """Return what a test changed outside of its resource, and whether no other client was there meanwhile."""
        checkout = self._checkouts[client][name]
        return checkout.leaked(), checkout.clients_when_alone == self._clients_ever

    def give_back(self, client: str, name: str, *, retain: bool) -> None:
        """Take an isolated resource back; `retain` keeps it for a person to look at."""
        with self._lock:
            checkout = self._checkouts.get(client, {}).pop(name, None)
        if checkout:
            checkout.give_back(retain=retain)

    def dead(self, run: Run, names: Iterable[str]) -> list[Refused]:
        """Return, for each of these services of the run whose server has died, why, with its log."""
        deaths = [run.servers[name].death() for name in names if name in run.servers]
        return [death for death in deaths if death]

    def end_dedicated(self, run: Run) -> None:
        """End the dedicated servers of a run, and remove what it has made on external servers."""
        for name in list(self._checkouts.get(run.id, {})):
            self.give_back(run.id, name, retain=False)
        self._checkouts.pop(run.id, None)
        # Each run finds external servers anew; ours stay for the next run, with what they hand out.
        for server in run.servers.values():
            if server.external:
                _leave_as_it_was(server, run)
        self._resolver.end_dedicated(run)

    def status(self) -> list[dict[str, Any]]:
        """Return the servers held, for `invoke status`."""
        return self._resolver.status()

    def close(self) -> None:
        """Stop every server, those that depend on others first. The guard ends what still starts."""
        with self._lock:
            self._resolver.closing = True
            self._pool.shutdown(wait=False, cancel_futures=True)
            runs = list(self._runs.values())
        begin = time.monotonic()
        # Those whose clients are still there; others may be just leaving.
        for run in runs:
            self.end_dedicated(run)
        with self._run_left:
            self._run_left.wait_for(lambda: not self._leaving, _LEAVE_SECONDS)
        self._resolver.close()
        _log.info("closed in %.2f s", time.monotonic() - begin)


def _leave_as_it_was(server: ManagedServer, run: Run) -> None:
    """Remove what a run has made on an external server; what cannot be removed is added to `run.not_removed`."""
    if (databases := server.take_databases()) is None:
        return
    try:
        left = within(_LEAVE_SECONDS, "the server", databases.close)
    except Exception as error:
        _log.exception("leaving %s", server.endpoint)
        left = f"{type(error).__name__}: {hide_secrets(str(error))}"
    if left:
        run.not_removed.append(f"{server.endpoint}: what the run has made there is not all removed: {left}")
        run.say(run.not_removed[-1])
