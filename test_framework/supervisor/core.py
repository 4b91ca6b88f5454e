"""What the supervisor does, in whichever process: let runs in and out, resolve services, hand out isolated parts."""

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

    from test_framework.contracts import Isolated
    from test_framework.resolution import Refused, Resolution
    from test_framework.supervisor.guard import Guard
    from test_framework.supervisor.run import Run
    from test_framework.supervisor.wire import Want

__all__ = ["Supervisor"]

_log = logging.getLogger(__name__)
_LEAVE_SECONDS = 10.0
"""How long a server of somebody else's is waited for that is being left as it was."""


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
        self._left = threading.Condition(self._lock)
        self._leaving = 0
        self._held: dict[str, dict[str, Checkout]] = {}
        self._runs: dict[str, Run] = {}
        self._pool = ThreadPoolExecutor(thread_name_prefix="resolve")
        self._arrivals = 0

    def enter(self, run: Run) -> Run:
        """Let a client into its run, which it shares with the other workers of it."""
        with self._lock:
            known = self._runs.setdefault(run.id, run)
            known.clients += 1
            self._arrivals += 1
            return known

    def leave(self, run: Run, client: str) -> None:
        """Take back what a client holds, however it ended."""
        for name in list(self._held.get(client, {})):
            self.give_back(client, name, keep=False)
        with self._lock:
            self._held.pop(client, None)
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
                self._left.notify_all()

    def warm(self, run: Run, wants: Iterable[Want]) -> None:
        """Begin to resolve, side by side, without waiting; the run may be over before this begins."""
        with self._lock:
            for want in () if self._resolver.closing else wants:
                service = services.get(want.service, run.settings)
                self._pool.submit(self._warm, run, want)
                # What a probe waits for need not be waited for twice.
                self._pool.map(import_module, service.modules)

    def _warm(self, run: Run, want: Want) -> None:
        self.resolve(run, want)
        server = run.servers.get(want.service)
        # To make something ready is to write, and no test has said yet that it may.
        if server and server.service.divides and not want.dedicated and not why_not_write(server.endpoint):
            template = run.settings.service(want.service).template
            server.databases(run.settings, self._folder).prepare(template, run.id, run.env)

    def resolve(self, run: Run, want: Want) -> Resolution:
        """Resolve a service for a client of the run, which can check out parts of its server from then on."""
        service = services.get(want.service, run.settings)
        resolution, server = self._resolver.resolve(run, service, want)
        if server is None:
            return resolution
        run.servers[service.name] = server
        if want.dedicated and server.external and service.divides:
            # All of it cannot be had.
            part = run.memo.once(f"part of {service.name}", lambda: self.checkout(run, run.id, server, whole=True))
            return replace(resolution, endpoint=part.endpoint)
        return resolution

    def checkout(self, run: Run, client: str, server: ManagedServer, *, whole: bool = False) -> Isolated:
        """Hand a fresh part of a server to a client; `whole` is for what knows nothing of us, and so of no template.

        Raises:
            Refused: The server died, or the template failed.
        """
        template = () if whole else run.settings.service(server.service.name).template
        with server.naming_its_end():
            databases = server.databases(run.settings, self._folder)
            isolated = databases.checkout(template, run.id, run.env, whole=whole)
        with self._lock:
            alone = sum(r.clients for r in self._runs.values()) == 1
            checkout = Checkout(server, isolated, databases, self._arrivals if alone else 0)
            self._held.setdefault(client, {})[isolated.name] = checkout
        return isolated

    def leaked(self, client: str, name: str) -> tuple[list[str], bool]:
        """Return what a test changed outside of its part, and whether no other client was there meanwhile."""
        checkout = self._held[client][name]
        return checkout.leaked(), checkout.sole_client == self._arrivals

    def give_back(self, client: str, name: str, *, keep: bool) -> None:
        """Take an isolated part back; `keep` leaves it for a person to look at."""
        with self._lock:
            checkout = self._held.get(client, {}).pop(name, None)
        if checkout:
            checkout.give_back(keep=keep)

    def dead(self, run: Run, names: Iterable[str]) -> list[Refused]:
        """Return, for each of these services of the run whose server has died, why, with its log."""
        deaths = [run.servers[name].death() for name in names if name in run.servers]
        return [death for death in deaths if death]

    def end_dedicated(self, run: Run) -> None:
        """End what a run has to itself, or has made on servers of somebody else's."""
        for name in list(self._held.get(run.id, {})):
            self.give_back(run.id, name, keep=False)
        self._held.pop(run.id, None)
        # A server of somebody else's is another one for each run; ours are kept with what they hand out.
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
        with self._left:
            self._left.wait_for(lambda: not self._leaving, _LEAVE_SECONDS)
        self._resolver.close()
        _log.info("closed in %.2f s", time.monotonic() - begin)


def _leave_as_it_was(server: ManagedServer, run: Run) -> None:
    """Remove what a run has made on a server of somebody else's, and tell the run what stays there."""
    if (databases := server.take_databases()) is None:
        return
    try:
        left = within(_LEAVE_SECONDS, "the server", databases.close)
    except Exception as error:
        _log.exception("leaving %s", server.endpoint)
        left = f"{type(error).__name__}: {hide_secrets(str(error))}"
    if left:
        run.stays.append(f"{server.endpoint}: what the run has made there is not all removed: {left}")
        run.say(run.stays[-1])
