"""The supervisor in this process, for `TEST_FRAMEWORK_SUPERVISOR=0`: the same code, without the socket."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import private
from test_framework.reach.libpq import ignore_libpq_variables
from test_framework.supervisor.core import Supervisor
from test_framework.supervisor.guard import Guard
from test_framework.supervisor.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint, Refused, Resolution
    from test_framework.supervisor.wire import ServiceRequest

_ME = "local"


class LocalClient:
    """See `client.SupervisorClient`."""

    def __init__(
        self,
        settings: Settings,
        overrides: Mapping[str, tuple[object, str]],
        run: str,
        say: Callable[[str], None],
    ) -> None:
        # Our connections are made in this process.
        self._environment = ExitStack()
        env = dict(os.environ)
        self._environment.enter_context(ignore_libpq_variables())
        guard = Guard()
        self._folder, self._cleanup_key = guard.make_folder("local", Path(tempfile.gettempdir()))
        self._supervisor = Supervisor(self._folder, guard)
        made = Run.of(run, settings.root, env, overrides)
        made.listeners.append(say)
        self._run = self._supervisor.enter(made)
        self._has_left = False

    def warm(self, requests: Iterable[ServiceRequest]) -> None:
        """See `SupervisorClient.warm`."""
        self._supervisor.warm(self._run, requests)

    def resolve(self, request: ServiceRequest) -> Resolution:
        """See `SupervisorClient.resolve`."""
        return self._supervisor.resolve(self._run, request)

    def dead(self, services: Iterable[str]) -> list[Refused]:
        """See `SupervisorClient.dead`."""
        return self._supervisor.dead(self._run, services)

    def end_dedicated(self) -> None:
        """See `SupervisorClient.end_dedicated`."""
        self._supervisor.end_dedicated(self._run)

    def checkout(self, service: str) -> tuple[str, Endpoint]:
        """See `SupervisorClient.checkout`."""
        isolated = self._supervisor.checkout(self._run, _ME, self._run.servers[service])
        return isolated.name, isolated.endpoint

    def leaked(self, name: str) -> tuple[list[str], bool]:
        """See `SupervisorClient.leaked`."""
        return self._supervisor.leaked(_ME, name)

    def give_back(self, name: str, *, retain: bool) -> None:
        """See `SupervisorClient.give_back`."""
        self._supervisor.give_back(_ME, name, retain=retain)

    def leave(self) -> list[str]:
        """See `SupervisorClient.leave`."""
        if not self._has_left:
            self._supervisor.leave(self._run, _ME)
            self._has_left = True
        return self._run.not_removed

    def close(self) -> None:
        """See `SupervisorClient.close`."""
        self.leave()
        self._supervisor.close()
        private.remove(self._folder)
        self._supervisor.guard.drop(self._cleanup_key)
        self._supervisor.guard.close()
        self._environment.close()
