"""How long the setups of fixtures took, over processes and shards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 50
"""Fixtures that a report names."""


@dataclass(frozen=True, slots=True)
class FixtureTime:
    """What a fixture's setups took in seconds, without the fixtures that it asks for; `test` had the slowest one."""

    name: str
    where: str
    scope: str
    setups: int
    seconds: float
    slowest: float
    test: str


def merge_fixture_times(found: Iterable[FixtureTime]) -> list[FixtureTime]:
    """Return one entry for each fixture; the one that took longest in all comes first."""
    by: dict[tuple[str, str], FixtureTime] = {}
    for each in found:
        before = by.get((each.name, each.where))
        by[each.name, each.where] = _sum(before, each) if before else each
    longest = sorted(by.values(), key=lambda f: -f.seconds)[:_MOST]
    return [replace(f, seconds=round(f.seconds, 4), slowest=round(f.slowest, 4)) for f in longest]


def _sum(one: FixtureTime, other: FixtureTime) -> FixtureTime:
    slower = max(one, other, key=lambda f: f.slowest)
    return replace(slower, setups=one.setups + other.setups, seconds=one.seconds + other.seconds)
