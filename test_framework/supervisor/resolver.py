"""Finds a server for each request, and owns those that it has started.

Read it downwards: `resolve` once a run, `_try_providers` in their order, `_obtain` from one of them, `_start` anew.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from test_framework import owner, providers
from test_framework.cleanup import sweep
from test_framework.contracts import Context, Dependency
from test_framework.reach import refuse_remote
from test_framework.resolution import Refused
from test_framework.resolve import try_providers
from test_framework.supervisor.dedicated import on_free_port
from test_framework.supervisor.managed import Checkout, ManagedServer
from test_framework.supervisor.needs import resolve_needs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from test_framework.contracts import Provider, Service
    from test_framework.resolution import Resolution
    from test_framework.supervisor.guard import Guard
    from test_framework.supervisor.run import Run
    from test_framework.supervisor.wire import ServiceRequest

_log = logging.getLogger(__name__)
_CHECK_SECONDS = 2.0


class _Key(NamedTuple):
    """Identifies a server that we own; `run` is empty for one that all runs share."""

    service: str
    provider: str
    run: str


class Resolver:
    """Resolves services. Safe to call from several threads.

    Args:
        folder: Private to us.
        guard: Knows what must vanish if this process is killed.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder = folder
        self._guard = guard
        self._lock = threading.Lock()
        self._service_locks: dict[str, threading.Lock] = {}
        self._servers: dict[_Key, ManagedServer] = {}
        self.closing = False

    def resolve(self, run: Run, service: Service, request: ServiceRequest) -> tuple[Resolution, ManagedServer | None]:
        """Resolve a service, once a run: every worker has the same answer."""
        question = f"resolve {service.name} {request.order} {request.dedicated}"
        return run.memo.once(question, lambda: self._try_providers(run, service, request))

    def _try_providers(
        self, run: Run, service: Service, request: ServiceRequest
    ) -> tuple[Resolution, ManagedServer | None]:
        disabled = {name: run.settings.origin("disabled") for name in run.settings.disabled}
        # One that is shared is started once; what a run has to itself waits for nobody.
        with nullcontext() if request.dedicated else self._lock_of(service):
            resolution, server = try_providers(
                service.name,
                request.order,
                request.source,
                disabled,
                lambda name: self._obtain(run, service, request, providers.get(name)),
            )
        for attempt in resolution.attempts:
            _log.info("%s: %s: %s (%.3f s)", service.name, attempt.provider, attempt.reason or "yes", attempt.seconds)
            if attempt.log:
                _log.info("log of %s on %s:\n%s", service.name, attempt.provider, attempt.log)
        return resolution, server

    def _lock_of(self, service: Service) -> threading.Lock:
        with self._lock:
            return self._service_locks.setdefault(service.name, threading.Lock())

    def _obtain(self, run: Run, service: Service, request: ServiceRequest, provider: Provider) -> ManagedServer:
        """Return the running server of this provider, if it still is the right one, or a new one."""
        run.memo.once("sweep", sweep)
        context = Context(
            run.settings, run.env, owner.MARK, run.memo, self._guard, run.say, dedicated=request.dedicated
        )
        key = _Key(service.name, provider.name, run.id if request.dedicated else "")
        running = self._servers.get(key)
        needed: dict[str, ManagedServer] = {}
        if running or (service.needs and provider.builds_on):
            provider.probe(service, context)
            needed = resolve_needs(service, provider, request, run, self.resolve)
        if running:
            if self._still_fits(running, needed, context):
                # Of the settings of this run, while another one may have started it.
                service.check_extensions(running.endpoint, context)
                return running
            self._discard(key)
        return self._start(key, service, provider, context, run, needed)

    def _still_fits(self, running: ManagedServer, needed: Mapping[str, ManagedServer], context: Context) -> bool:
        """Whether a running server answers, and is the one that would be started now, on the same servers."""
        if running.depends_on() != [base.server for base in needed.values()] or running.server.outdated(context):
            return False
        if running.ended():
            return False
        endpoint = running.endpoint
        try:
            running.service.check(endpoint.url, endpoint.provider, _CHECK_SECONDS, context.env)
        except Refused as refused:
            _log.warning("%s on %s does not answer: %s", endpoint.service, endpoint.provider, refused.reason)
            return False
        return True

    def _start(  # noqa: PLR0913, PLR0917
        self,
        key: _Key,
        service: Service,
        provider: Provider,
        context: Context,
        run: Run,
        needed: Mapping[str, ManagedServer],
    ) -> ManagedServer:
        """Start or find a server, with an isolated resource of each server that it depends on."""
        checkouts: list[Checkout] = []
        try:
            for base in needed.values():
                databases = base.databases(run.settings, self._folder)
                checkouts.append(Checkout(base, databases.checkout((), run.id, run.env, skip_template=True), databases))
            dependencies = {c.server.service.name: Dependency(c.server.server, c.isolated.endpoint) for c in checkouts}
            with on_free_port(service, provider, context.dedicated):
                server = provider.obtain(service, replace(context, needs=dependencies))
            if context.dedicated:
                # Nobody knows whether the run writes.
                refuse_remote(server.endpoint)
        except BaseException:
            for each in checkouts:
                each.give_back(retain=False)
            raise
        if not server.identity:
            # External, which each run finds anew.
            return run.memo.once(f"external {service.name} {provider.name}", lambda: ManagedServer(service, server))
        managed = ManagedServer(service, server, tuple(checkouts))
        with self._lock:
            self._servers[key] = managed
        if self.closing or (context.dedicated and run.over):
            self._discard(key)
        return managed

    def _discard(self, key: _Key) -> None:
        if server := self._servers.pop(key, None):
            server.stop()

    def _discard_quietly(self, key: _Key) -> None:
        try:
            self._discard(key)
        except Exception:
            _log.exception("stopping %s on %s", key.service, key.provider)

    def servers(self) -> list[ManagedServer]:
        """Return the servers that we own."""
        with self._lock:
            return list(self._servers.values())

    def end_dedicated(self, run: Run) -> None:
        """End the servers that a run has to itself."""
        for key in [key for key in list(self._servers) if key.run == run.id]:
            self._discard_quietly(key)

    def status(self) -> list[dict[str, Any]]:
        """Return the servers that we own, for `invoke status`."""
        return [
            {
                "service": managed.service.name,
                **managed.endpoint.to_json(),
                "id": managed.server.identity,
                "died": str(managed.server.died() or "") or None,
            }
            for managed in self.servers()
        ]

    def close(self) -> None:
        """Stop every server, side by side, those that depend on others first."""
        with ThreadPoolExecutor() as pool:
            depths = {key: server.dependency_depth for key, server in self._servers.items()}
            for depth in sorted(set(depths.values()), reverse=True):
                list(pool.map(self._discard_quietly, [key for key in depths if depths[key] == depth]))
