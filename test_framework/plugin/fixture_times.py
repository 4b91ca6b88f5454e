"""How long the setups of fixtures take."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.plugin.session import KEY

if TYPE_CHECKING:
    from collections.abc import Generator

OUTPUT = "test_framework_fixtures"
"""Under which a worker of pytest-xdist sends what it has found, when it ends."""

_LEAST_SECONDS = 0.001
"""A fixture whose setups took less than this in all is not told of."""


class FixtureTimes:
    """In the process that runs tests: one entry for each fixture, however many tests have it.

    A test pays for two looks at the clock for each of its fixtures, and nothing is sent with its reports.
    """

    def __init__(self) -> None:
        # name, where it is: scope, setups, seconds, slowest, its test
        self._found: dict[tuple[str, str], list[Any]] = {}
        self._inner = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Time it, without the fixtures that it asks for by their names while it runs: these have entries too."""
        outer, self._inner = self._inner, 0.0
        begin = perf_counter()
        try:
            return (yield)
        finally:
            took = perf_counter() - begin
            own, self._inner = took - self._inner, outer + took
            key = fixturedef.argname, fixturedef.baseid or fixturedef.func.__module__
            entry = self._found.setdefault(key, [fixturedef.scope, 0, 0.0, -1.0, ""])
            entry[1] += 1
            entry[2] += own
            if own > entry[3]:
                # The node of a fixture for the whole session is no test.
                current = request.config.stash[KEY].current
                entry[3:] = own, current[0].nodeid if current else request.node.nodeid

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send it to the process that judges, where that is another."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[OUTPUT] = self.to_json()

    def to_json(self) -> list[list[Any]]:
        """Return the fields of `report.fixtures.FixtureTime` as plain lists, which a worker can send."""
        return [
            [*key, *entry]
            for key, entry in self._found.items()
            # Each parameter of a test is a fixture of this module, which does nothing.
            if entry[2] >= _LEAST_SECONDS and key[1] != "_pytest.python"
        ]
