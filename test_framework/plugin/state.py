"""What one process of pytest knows of its run: plain data, which the lease and the recorder share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.plugin import markers

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from test_framework.config import Settings
    from test_framework.plugin.options import Overrides
    from test_framework.resolution import Endpoint


class TestState:
    """What is known of one test while it runs; the recorder sends it with the reports."""

    __test__ = False

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.failed = False
        self.kept: list[str] = []
        self.leaked: list[str] = []


class FixtureResource:
    """An isolated resource that a fixture has, and the tests that have used it."""

    def __init__(self, name: str, endpoint: Endpoint, fixture: str, state: TestState) -> None:
        self.name = name
        self.endpoint = endpoint
        self.fixture = fixture
        self.states = [state]


class SessionState:
    """The run as one process of pytest knows it. Its workers share the id, and so the resolutions and the servers.

    Attributes:
        settings: The settings, command line and all.
        overrides: The command line's part of them.
        tier: The tier of the run; None without one.
        run: The id of the run.
        fail_on_unavailable: Whether a service that cannot be had fails a test instead of skipping it.
        fixtures: The fixtures that stand for a service, each with the service.
        current: The test that runs, with its state.
        resources: The isolated resources that fixtures have now.
        shared_services: The services that fixtures of a wider scope than one test have asked for.
        over: Whether the run has ended, so that nothing is asked for any more.
        say: Shows a line to a person who waits; replaced when the terminal is there.
    """

    def __init__(
        self, settings: Settings, overrides: Overrides, tier: str | None, run: str, *, fail_on_unavailable: bool
    ) -> None:
        self.settings = settings
        self.overrides = overrides
        self.tier = tier
        self.run = run
        self.fail_on_unavailable = fail_on_unavailable
        self.fixtures = dict(markers.FIXTURES)
        self.current: tuple[pytest.Item, TestState] | None = None
        self.resources: list[FixtureResource] = []
        self.shared_services: set[str] = set()
        self.over = False
        self.say: Callable[[str], None] = lambda _: None
