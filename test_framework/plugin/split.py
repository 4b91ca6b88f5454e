"""A shard's tests: those that share a fixture stay together, and the shards take about the same time."""

from __future__ import annotations

from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import BadSetting
from test_framework.report.durations import read
from test_framework.report.record import CollectionCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from test_framework.config import Settings
    from test_framework.report.record import Shard

COLLECTION = "test_framework_collection"
"""The name under which a worker of pytest-xdist says what it has collected."""


class Unit:
    """Tests that stay together; for pytest-split it is one test, with an id and a place in the order of ids."""

    def __init__(self, nodeid: str, items: Sequence[pytest.Item]) -> None:
        self.nodeid = nodeid
        self.items = items

    def __str__(self) -> str:
        """Return what pytest-split sorts by, so that the order of collection does not matter."""
        return self.nodeid


def units(items: Sequence[pytest.Item]) -> list[Unit]:
    """Put together the tests of a module, or of a class, that share a fixture of that scope: it is made once."""
    scopes = {item: _scopes(item) for item in items}
    # A class of which one test shares something with its module goes with the module.
    of_module = {_parent(item, pytest.Class) for item in items if "module" in scopes[item]} - {None}
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        of_class = _parent(item, pytest.Class)
        key = item.nodeid
        if "module" in scopes[item] or ("class" in scopes[item] and of_class in of_module):
            key = _parent(item, pytest.Module) or key
        elif "class" in scopes[item]:
            key = of_class or key
        found.setdefault(key, []).append(item)
    return [Unit(key, tests) for key, tests in found.items()]


def _scopes(item: pytest.Item) -> set[str]:
    """Return the scopes of the fixtures that the test names, or has without naming them."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs.values() if info else ()
    # The last one is the nearest, which the test gets.
    return {found[-1].scope for found in definitions if found}


def _parent(item: pytest.Item, kind: type[pytest.Collector]) -> str | None:
    node = item.getparent(kind)
    return node.nodeid if node else None


def split(items: Sequence[pytest.Item], count: int, durations: Mapping[str, float]) -> list[list[pytest.Item]]:
    """Return the tests of each shard, in their order; every machine that has the same tests gets the same answer.

    The longest unit goes to the shard with the least so far (pytest-split's `least_duration`). A test without a
    duration is taken to last as long as the average of the others.
    """
    from pytest_split.algorithms import LeastDurationAlgorithm

    known = [durations[item.nodeid] for item in items if item.nodeid in durations]
    average = fsum(known) / len(known) if known else 1.0
    found = units(items)
    # Summed exactly, so that the order does not matter.
    seconds = {unit.nodeid: fsum(durations.get(i.nodeid, average) for i in unit.items) for unit in found}
    groups = LeastDurationAlgorithm()(count, found, seconds)  # type: ignore[arg-type]  # see Unit
    chosen = [{item for unit in group.selected for item in unit.items} for group in groups]  # type: ignore[attr-defined]
    return [[item for item in items if item in mine] for mine in chosen]


class Splitter:
    """Leaves the tests of other shards out, and says what there was to choose from.

    Args:
        shard: Which part this run is.
        settings: Name the file of durations.
        cuts: Whether the tests are ours to cut; else they are only counted.

    Raises:
        BadSetting: The file of durations cannot be used: any other cut would not be that of the other machines.

    Attributes:
        shard: Which part this run is.
        collection: What was collected; None until then, and in a process whose workers collect.
        said: By what it was cut, for a person.
    """

    def __init__(self, shard: Shard, settings: Settings, *, cuts: bool) -> None:
        self.shard = shard
        self._file = settings.durations
        self._cuts = cuts
        self.collection: CollectionCounts | None = None
        self.said = ""
        try:
            self._durations = read(settings.root / settings.durations) if cuts else {}
        except (ValueError, OSError) as error:
            raise BadSetting(f"{error} (durations, {settings.origin('durations')}).") from error

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Cut what is left after `-k`, `-m` and other plugins."""
        self.collection = CollectionCounts.of(item.nodeid for item in items)
        if not self._cuts:
            return
        self.said = "".join(_explanations(items, self._durations, self._file))
        # Where there are more shards than tests, the last ones have none, however many there are.
        cut = split(items, max(1, min(self.shard.count, len(items))), self._durations)
        mine = cut[self.shard.index - 1] if self.shard.index <= len(cut) else []
        chosen = set(mine)
        others = [item for item in items if item not in chosen]
        items[:] = mine
        if others:
            config.hook.pytest_deselected(items=others)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what this shard has to run."""
        if self.collection:
            self.collection = replace(self.collection, selected=len({item.nodeid for item in session.items}))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send it to the process that judges, where that is another."""
        if hasattr(session.config, "workeroutput") and self.collection:
            told = self.collection
            session.config.workeroutput[COLLECTION] = [told.tests, told.sha256, told.selected, self.said]

    def take(self, output: Mapping[str, Any]) -> None:
        """Take what a worker of pytest-xdist has collected, which is what all of them have."""
        if told := output.get(COLLECTION):
            self.collection = CollectionCounts(*told[:3])
            self.said = told[3]

    def sentence(self) -> str:
        """Return in a line which part this is, who says so, and what it is a part of."""
        found = self.collection
        many = f": {found.selected:,} of {found.tests:,} tests" if found else ""
        return f"shard {self.shard}, from {self.shard.source}{many}" + (f", {self.said}" if self.said else "")


def _explanations(items: Sequence[pytest.Item], durations: Mapping[str, float], name: str) -> Iterator[str]:
    if not durations:
        yield f"cut by the number of tests: there is no {name}"
        return
    yield f"cut by {name}"
    if unknown := sum(item.nodeid not in durations for item in items):
        yield f", without a duration of {unknown}"
