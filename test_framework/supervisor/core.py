"""What the supervisor does, in whichever process: resolve services, own servers, hand out isolated parts."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_framework import owner, providers, services
from test_framework.contracts import Context, Isolated, Part, Provider, Server, Service
from test_framework.deadline import within
from test_framework.providers._remains import sweep
from test_framework.reach import why_not_write
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, Resolution, hide_secrets
from test_framework.resolve import resolve
from test_framework.supervisor.dedicated import on_free_port, refuse_remote
from test_framework.supervisor.needs import Held, resolve_needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from test_framework.contracts import Databases
    from test_framework.supervisor.guard import Guard
    from test_framework.supervisor.run import Run
    from test_framework.supervisor.wire import Want

__all__ = ["Supervisor"]

_log = logging.getLogger(__name__)
_CHECK_SECONDS, _HEAR_SECONDS = 2.0, 1.0
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
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._leaving = 0
        self._service_locks: dict[str, threading.Lock] = {}
        self._servers: dict[tuple[str, str, str], Server] = {}
        self._databases: dict[int, Databases] = {}
        self._needs: dict[int, list[Held]] = {}
        self._hung: dict[int, tuple[Server, Reason]] = {}
        self._held: dict[str, dict[str, Held]] = {}
        self._runs: dict[str, Run] = {}
        self._pool = ThreadPoolExecutor(thread_name_prefix="resolve")
        self._arrivals = 0
        self._closed = False

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
            if run.clients > 0:
                return
            self._runs.pop(run.id, None)
            self._leaving += 1
        try:
            self.end_dedicated(run)
            for databases in list(self._databases.values()):
                # A run that has come meanwhile may have begun to use what is there.
                if not self._runs:
                    databases.tidy()
        finally:
            with self._lock:
                self._leaving -= 1
                self._left.notify_all()

    def warm(self, run: Run, wants: Iterable[Want]) -> None:
        """Begin to resolve, side by side, without waiting; the run may be over before this begins."""
        with self._lock:
            for want in () if self._closed else wants:
                self._pool.submit(self._warm, run, want)
                # What a probe waits for need not be waited for twice.
                self._pool.map(import_module, services.get(want.service, run.settings).modules)

    def _warm(self, run: Run, want: Want) -> None:
        self.resolve(run, want)
        server = run.servers.get(want.service)
        # To make something ready is to write, and no test has said yet that it may.
        ours = server and not why_not_write(server.endpoint)
        if server and ours and not want.dedicated and services.get(want.service, run.settings).divides:
            template = run.settings.service(want.service).template
            self._databases_of(run, want.service, server).prepare(template, run.id, run.env)

    def resolve(self, run: Run, want: Want) -> Resolution:
        """Resolve a service once a run; the same answer for every worker of it."""
        resolution, server = self._resolved(run, want)
        if server:
            run.servers[want.service] = server
        return resolution

    def _resolved(self, run: Run, want: Want) -> tuple[Resolution, Server | None]:
        return run.memo.once(f"resolve {want.service} {want.order} {want.dedicated}", lambda: self._resolve(run, want))

    def _resolve(self, run: Run, want: Want) -> tuple[Resolution, Server | None]:
        disabled = {name: run.settings.origin("disabled") for name in run.settings.disabled}
        # One that is shared is started once; what a run has to itself waits for nobody.
        with nullcontext() if want.dedicated else self._lock_of(want.service):
            resolution, server = resolve(
                want.service, want.order, want.source, disabled, lambda provider: self._obtain(run, want, provider)
            )
        for attempt in resolution.attempts:
            _log.info("%s: %s: %s (%.3f s)", want.service, attempt.provider, attempt.reason or "yes", attempt.seconds)
            if attempt.log:
                _log.info("log of %s on %s:\n%s", want.service, attempt.provider, attempt.log)
        if want.dedicated and server and not server.identity and services.get(want.service, run.settings).divides:
            # It is somebody else's, so that all of it cannot be had.
            part = self._hand_out(run, run.id, want.service, server, whole=True)
            resolution = replace(resolution, endpoint=part.endpoint)
        return resolution, server

    def _lock_of(self, service: str) -> threading.Lock:
        with self._lock:
            return self._service_locks.setdefault(service, threading.Lock())

    def _obtain(self, run: Run, want: Want, provider: str) -> Server:
        """Return the live server of this provider, asked again, or a new one."""
        service, way = services.get(want.service, run.settings), providers.get(provider)
        run.memo.once("sweep", sweep)
        context = Context(
            run.settings, run.env, self._folder, owner.MARK, run.memo, self.guard, run.say, dedicated=want.dedicated
        )
        key = (want.service, provider, run.id if want.dedicated else "")
        live = self._servers.get(key)
        bases: dict[str, Server] = {}
        if live or (service.needs and way.builds_on):
            way.probe(service, context)
            bases = resolve_needs(service, way, want, run, self._resolved)
        if live:
            stands = self._stands_on(live) == list(bases.values()) and not live.outdated(context)
            if stands and self._died(live) is None:
                try:
                    service.check(live.endpoint.url, provider, _CHECK_SECONDS, run.env)
                except Refused as refused:
                    _log.warning("%s on %s does not answer: %s", *key[:2], refused.reason)
                else:
                    return live
            self._discard(key)
        return self._start(service, way, context, run, bases)

    def _start(
        self, service: Service, way: Provider, context: Context, run: Run, bases: Mapping[str, Server]
    ) -> Server:
        """Start or find a server, with a part of each server that it depends on."""
        held: list[Held] = []
        try:
            for name, base in bases.items():
                databases = self._databases_of(run, name, base)
                held.append(Held(name, databases.checkout((), run.id, run.env, whole=True), databases, base))
            parts = {h.service: Part(h.server, h.isolated.endpoint) for h in held}
            with on_free_port(service, way, context.dedicated):
                server = way.obtain(service, replace(context, needs=parts))
            if context.dedicated:
                refuse_remote(server.endpoint)
        except BaseException:
            for each in held:
                each.give_back(keep=False)
            raise
        if server.identity:
            key = (service.name, way.name, run.id if context.dedicated else "")
            with self._lock:
                self._servers[key] = server
                self._needs[id(server)] = held
            if self._closed or (context.dedicated and run.id not in self._runs):
                self._discard(key)
        return server

    def _stands_on(self, server: Server) -> list[Server]:
        """Return the servers that a server depends on."""
        return [held.server for held in self._needs.get(id(server), [])]

    def _died(self, server: Server) -> tuple[Reason, Server] | None:
        """Return why a server, or one that it depends on, no longer runs, and which."""
        for each in (*self._stands_on(server), server):
            if reason := each.died():
                return reason, each
            if hung := self._hung.get(id(each)):
                return hung[1], each
        return None

    def _discard(self, key: tuple[str, str, str]) -> None:
        if (server := self._servers.pop(key, None)) is None:
            return
        if self._died(server):
            # Nobody waits for an answer of it any more, as its databases might.
            server.stop()
        self._hung.pop(id(server), None)
        if databases := self._databases.pop(id(server), None):
            with suppress(Exception):
                databases.close()
        server.stop()
        for held in self._needs.pop(id(server), []):
            held.give_back(keep=False)

    def end_dedicated(self, run: Run) -> None:
        """End what a run has to itself, or has made on servers of somebody else's."""
        for name in list(self._held.get(run.id, {})):
            self.give_back(run.id, name, keep=False)
        self._held.pop(run.id, None)
        # A server of somebody else's is another one for each run; ours are kept with what they hand out.
        for server in run.servers.values():
            if not server.identity and (databases := self._databases.pop(id(server), None)):
                _leave_as_it_was(server, databases, run)
        for key in [key for key in list(self._servers) if key[2] == run.id]:
            self._quietly_discard(key)

    def dead(self, run: Run, names: Iterable[str]) -> list[Refused]:
        """Return, for each of these services of the run whose server has died, why, with its log."""
        ended = [self._died(run.servers[name]) for name in names if name in run.servers]
        return [Refused(reason, server.log()) for reason, server in filter(None, ended)]

    def checkout(self, run: Run, client: str, service: str) -> Isolated:
        """Hand a fresh part of the run's server to a client.

        Raises:
            Refused: The server died, or the template failed.
        """
        return self._hand_out(run, client, service, run.servers[service])

    def _hand_out(self, run: Run, client: str, service: str, server: Server, *, whole: bool = False) -> Isolated:
        """See `checkout`; `whole` is for what knows nothing of us, and so of no template."""
        if died := self._died(server):
            raise Refused(died[0], server.log())
        template = () if whole else run.settings.service(service).template
        try:
            databases = self._databases_of(run, service, server)
            isolated = databases.checkout(template, run.id, run.env, whole=whole)
        except Refused as refused:
            if refused.reason.code is Code.SERVER_HANGS:
                # Whoever asks next need not wait as well.
                self._hung[id(server)] = server, refused.reason
            gone = refused.reason.code is Code.SERVER_DIED
            raise Refused((gone and _end_of(server)) or refused.reason, refused.log or server.log()) from refused
        except Exception as error:
            if reason := _end_of(server):
                raise Refused(reason, server.log()) from error
            raise
        with self._lock:
            alone = sum(r.clients for r in self._runs.values()) == 1
            held = Held(service, isolated, databases, server, self._arrivals if alone else 0)
            self._held.setdefault(client, {})[isolated.name] = held
        return isolated

    def _databases_of(self, run: Run, service: str, server: Server) -> Databases:
        with self._lock_of(service):
            if id(server) not in self._databases:
                made = services.get(service, run.settings).databases(server.endpoint, self._folder, run.settings)
                self._databases[id(server)] = made
            return self._databases[id(server)]

    def left(self, client: str, name: str) -> tuple[list[str], bool]:
        """Return what changed beside all parts while this one was out, and whether only its client was there."""
        held = self._held[client][name]
        return held.left(), held.arrivals == self._arrivals

    def give_back(self, client: str, name: str, *, keep: bool) -> None:
        """Take an isolated part back; `keep` leaves it for a person to look at."""
        with self._lock:
            held = self._held.get(client, {}).pop(name, None)
        if held:
            held.give_back(keep=keep)

    def status(self) -> list[dict[str, Any]]:
        """Return the servers held, for `invoke status`."""
        with self._lock:
            return [
                {
                    "service": service,
                    **server.endpoint.to_json(),
                    "id": server.identity,
                    "died": str(server.died() or "") or None,
                }
                for (service, *_), server in self._servers.items()
            ]

    def close(self) -> None:
        """Stop every server, side by side, those that depend on others first. The guard ends what still starts."""
        with self._lock:
            self._closed = True
            self._pool.shutdown(wait=False, cancel_futures=True)
            runs = list(self._runs.values())
        begin = time.monotonic()
        # Those whose clients are still there; others may be just leaving.
        for run in runs:
            self.end_dedicated(run)
        with self._left:
            self._left.wait_for(lambda: not self._leaving, _LEAVE_SECONDS)
        with ThreadPoolExecutor() as pool:
            for dependent in (True, False):
                keys = [key for key, server in self._servers.items() if bool(self._stands_on(server)) is dependent]
                list(pool.map(self._quietly_discard, keys))
        _log.info("closed in %.2f s", time.monotonic() - begin)

    def _quietly_discard(self, key: tuple[str, str, str]) -> None:
        try:
            self._discard(key)
        except Exception:
            _log.exception("stopping %s on %s", *key[:2])


def _leave_as_it_was(server: Server, databases: Databases, run: Run) -> None:
    """Remove what a run has made on a server of somebody else's, and tell the run what stays there."""
    try:
        left = within(_LEAVE_SECONDS, "the server", databases.close)
    except Exception as error:
        _log.exception("leaving %s", server.endpoint)
        left = f"{type(error).__name__}: {hide_secrets(str(error))}"
    if left:
        run.stays.append(f"{server.endpoint}: what the run has made there is not all removed: {left}")
        run.say(run.stays[-1])


def _end_of(server: Server) -> Reason | None:
    """Return how a server that no longer answers ended; the watch on it may hear of it a moment after we do."""
    deadline = time.monotonic() + _HEAR_SECONDS
    while (reason := server.died()) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return reason
