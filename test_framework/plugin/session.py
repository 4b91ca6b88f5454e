"""What one process of pytest knows of its run; small, since every run of pytest imports it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from test_framework.plugin import markers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.plugin.lease import Lease
    from test_framework.plugin.options import Overrides
    from test_framework.resolution import Endpoint

__all__ = ["KEY", "STATE", "FixtureResource", "Session", "TestState"]


class TestState:
    """What is known of one test while it runs; the recorder sends it with the reports."""

    __test__ = False

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.failed = False
        self.kept: list[str] = []
        self.leaked: list[str] = []


class FixtureResource:
    """A part of a server that tests have, each of them with its state, while it is handed out."""

    def __init__(self, name: str, endpoint: Endpoint, fixture: str, state: TestState) -> None:
        self.name = name
        self.endpoint = endpoint
        self.fixture = fixture
        self.states = [state]


class Session:
    """One per process; the workers of a run share its id, and so its verdicts and its servers.

    Attributes:
        current: The test that runs, with its state.
        say: Tells a person who waits; the terminal is put in its place when it is there.
        must: Whether a service that cannot be had fails a test instead of skipping it.
        fixtures: Those that stand for a service, each with it.
        parts: What is handed out, by the fixtures.
        whole: What fixtures that outlive a test have asked for.
        over: Whether the run has ended, so that nothing is asked for any more.
    """

    def __init__(self, settings: Settings, overrides: Overrides, tier: str | None, run: str, *, must: bool) -> None:
        self.settings = settings
        self.overrides = overrides
        self.tier = tier
        self.run = run
        self.must = must
        self.fixtures = dict(markers.FIXTURES)
        self.current: tuple[pytest.Item, TestState] | None = None
        self.resources: list[FixtureResource] = []
        self.shared_services: set[str] = set()
        self.over = False
        self.say: Callable[[str], None] = lambda _: None
        self._tiers: dict[Path, str | None] = {}
        self._lock = threading.Lock()
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        """The hold on services, imported when the first one is asked for."""
        with self._lock:
            if self._lease is None:
                from test_framework.plugin.lease import Lease

                self._lease = Lease(self)
            return self._lease

    @property
    def has_lease(self) -> bool:
        """Whether anything was asked for yet."""
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
        """Have everything that the test needs, or end it: by a skip when unavailable, by a failure when broken."""
        self.current = (item, state)
        for resource in self.resources:
            # One that is still out belongs to a class or a module that the test is in.
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
