"""One process of pytest and its lease; small, since every run of pytest imports it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from test_framework.plugin import markers
from test_framework.plugin.state import SessionState, TestState

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.plugin.lease import Lease
    from test_framework.plugin.options import Overrides


class Session(SessionState):
    """One per process of pytest; it takes the lease when the first service is asked for."""

    def __init__(
        self, settings: Settings, overrides: Overrides, tier: str | None, run: str, *, fail_on_unavailable: bool
    ) -> None:
        super().__init__(settings, overrides, tier, run, fail_on_unavailable=fail_on_unavailable)
        if settings.e2e.service:
            self.fixtures[markers.UNDER_TEST] = settings.e2e.service
        self._tiers: dict[Path, str | None] = {}
        self._lock = threading.Lock()
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        """The lease on the servers; its module is imported on first use."""
        with self._lock:
            if self._lease is None:
                from test_framework.plugin.lease import Lease

                self._lease = Lease(self)
            return self._lease

    @property
    def has_lease(self) -> bool:
        """Whether any service was asked for yet."""
        return self._lease is not None

    def tier_of(self, path: Path) -> str | None:
        """Return the tier of this run, else that of the test's file, which is looked up once."""
        if self.tier:
            return self.tier
        if path not in self._tiers:
            self._tiers[path] = self.settings.tier_of(path)
        return self._tiers[path]

    def warm(self) -> None:
        """Begin to start what the tier needs, in the background, while pytest collects."""
        names = self.settings.tier(self.tier).services if self.tier else ()
        if "postgres" in names:
            # Here, and not in the thread: what is imported meanwhile finds one environment and not two.
            self.lease.ignore_libpq_variables()
        if names:
            threading.Thread(target=lambda: self.lease.warm(names), daemon=True, name="warm services").start()

    def prepare(self, item: pytest.Item, state: TestState) -> None:
        """Resolve everything that the test needs; skip it when that is unavailable, fail it when it is broken."""
        self.current = (item, state)
        for resource in self.resources:
            # It belongs to the class or the module of the test.
            if resource.fixture in getattr(item, "fixturenames", ()):
                resource.states.append(state)
        tier = self.tier_of(item.path)
        needed = markers.needs(item, self.settings.tier(tier).services if tier else (), self.fixtures)
        if needed or markers.states_condition(item):
            self.lease.prepare(item, needed)

    def close(self) -> None:
        """End the lease."""
        self.over = True
        with self._lock:
            lease, self._lease = self._lease, None
        if lease:
            lease.close()


KEY = pytest.StashKey[Session]()
STATE = pytest.StashKey[TestState]()
