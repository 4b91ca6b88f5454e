"""One server as the supervisor knows it: what it depends on, what hands out its resources, and how it ended."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.contracts import Databases, IsolatedResource, Server, Service

_log = logging.getLogger(__name__)
_HEAR_SECONDS = 1.0


@dataclass(eq=False)
class ManagedServer:
    """A server, started by us or found, with everything that the supervisor knows of it.

    Attributes:
        service: What it serves.
        server: The server itself.
        dependencies: What it has been handed of the servers that it depends on.
        hang: The reason why it counts as hanging, set when it has not answered: the next client does not wait as well.
    """

    service: Service
    server: Server
    dependencies: tuple[Checkout, ...] = ()
    hang: Reason | None = None
    _databases: Databases | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return self.server.endpoint

    @property
    def external(self) -> bool:
        """Whether somebody else runs it."""
        return not self.server.identity

    def depends_on(self) -> list[Server]:
        """Return the servers that it depends on, in the order of the service's `needs`."""
        return [checkout.server.server for checkout in self.dependencies]

    @property
    def dependency_depth(self) -> int:
        """The length of the longest chain of servers below it; 0 for one that needs none."""
        return max((checkout.server.dependency_depth + 1 for checkout in self.dependencies), default=0)

    def ended(self) -> tuple[Server, Reason] | None:
        """Return which server no longer runs, this one or one below it, and why; None while all do."""
        for checkout in self.dependencies:
            if ended := checkout.server.ended():
                return ended
        reason = self.server.died() or self.hang
        return (self.server, reason) if reason else None

    def death(self) -> Refused | None:
        """Return the same as an error with that server's log."""
        if ended := self.ended():
            server, reason = ended
            return Refused(reason, server.log())
        return None

    def databases(self, settings: Settings, folder: Path) -> Databases:
        """Return what hands out its resources, made on first use; `folder` is private to us."""
        with self._lock:
            if self._databases is None:
                self._databases = self.service.databases(self.endpoint, folder, settings)
            return self._databases

    def made_databases(self) -> Databases | None:
        """Return what hands out its resources, if that has been made."""
        return self._databases

    def take_databases(self) -> Databases | None:
        """Return what hands out its resources, for the caller to close; the next use makes another one."""
        with self._lock:
            databases, self._databases = self._databases, None
            return databases

    @contextmanager
    def translating_server_errors(self) -> Iterator[None]:
        """Raise what fails in the block as the reason why the server ended, if it has.

        Raises:
            Refused: The server died or hangs, or what the block itself refuses.
        """
        if died := self.death():
            raise died
        try:
            yield
        except Refused as refused:
            code = refused.reason.code
            if code is Code.SERVER_HANGS:
                self.hang = refused.reason
            why = self._await_end() if code is Code.SERVER_DIED else None
            raise Refused(why or refused.reason, refused.log or self.server.log()) from refused
        except Exception as error:
            if why := self._await_end():
                raise Refused(why, self.server.log()) from error
            raise

    def _await_end(self) -> Reason | None:
        """Return how a server that no longer answers ended; the watch on it may hear of it a moment after we do."""
        deadline = time.monotonic() + _HEAR_SECONDS
        while (reason := self.server.died()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return reason

    def stop(self) -> None:
        """Stop it, and give back what it has of the servers that it depends on."""
        if self.ended():
            # Nobody waits for an answer of it any more, as its databases might.
            self.server.stop()
        if databases := self.take_databases():
            with suppress(Exception):
                databases.close()
        self.server.stop()
        for checkout in self.dependencies:
            checkout.give_back(retain=False)


@dataclass(frozen=True, slots=True)
class Checkout:
    """An isolated resource of a server, held by a client or by a server that depends on it.

    Attributes:
        clients_when_alone: The number of clients so far, when it was handed out to the only one that was there; 0 when
            there were others.
    """

    server: ManagedServer
    isolated: IsolatedResource
    databases: Databases
    clients_when_alone: int = 0

    def leaked(self) -> list[str]:
        """Return what has changed on the server since, outside of all resources; see `contracts.Databases`."""
        return self.databases.leaked(self.isolated)

    def give_back(self, *, retain: bool) -> None:
        """Take it back; `retain` keeps it for a person to look at."""
        try:
            self.databases.give_back(self.isolated, retain=retain)
        except Exception as error:
            # Its user is done with it. What ails the server is told to the next one that needs it.
            why = hide_secrets(str(error))
            _log.warning("%s %s cannot be taken back: %s", self.server.service.name, self.isolated.name, why)
