"""Many at once: all results, all failures, and an end in any case."""

from __future__ import annotations

import asyncio

import pytest

from test_framework.e2e.load import concurrently
from test_framework.e2e.waiting import NotInTime


def test_results_come_in_order() -> None:
    """Whoever is ready first."""

    async def journey(index: int) -> int:
        await asyncio.sleep((5 - index) / 100)
        return index * index

    assert asyncio.run(concurrently(5, journey)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize(("at_once", "most"), [(None, 20), (3, 3), (1, 1)])
def test_so_many_are_under_way(at_once: int | None, most: int) -> None:
    """All of them, or as many as are allowed."""
    under_way: set[int] = set()
    seen: list[int] = []

    async def journey(index: int) -> None:
        under_way.add(index)
        await asyncio.sleep(0.005)
        seen.append(len(under_way))
        under_way.discard(index)

    asyncio.run(concurrently(20, journey, at_once=at_once))
    assert max(seen) == most


def test_all_failures_are_told() -> None:
    """The others go on to their end; the text names who failed, each error says whose it is."""
    ended: list[int] = []

    async def journey(index: int) -> None:
        if index % 3 == 0:
            raise ValueError(f"no {index}")
        await asyncio.sleep(0.02)
        ended.append(index)

    with pytest.raises(ExceptionGroup, match="3 of 7 users failed: 0, 3, 6") as caught:
        asyncio.run(concurrently(7, journey))
    assert [str(error) for error in caught.value.exceptions] == ["no 0", "no 3", "no 6"]
    assert caught.value.exceptions[1].__notes__ == ["user 3 of 7"]
    assert ended == [1, 2, 4, 5]


def test_who_is_late_is_told_and_cancelled() -> None:
    """The bound is on all of them together."""
    cancelled: list[int] = []

    async def journey(index: int) -> int:
        try:
            await asyncio.sleep(60 * (index == 1))
        except asyncio.CancelledError:
            cancelled.append(index)
            raise
        return index

    with pytest.raises(ExceptionGroup, match="1 of 3 users failed: 1") as caught:
        asyncio.run(concurrently(3, journey, seconds=0.1))
    assert isinstance(caught.value.exceptions[0], NotInTime)
    assert cancelled == [1]


@pytest.mark.parametrize(("count", "at_once"), [(0, None), (3, 0)])
def test_nobody_is_an_error(count: int, at_once: int | None) -> None:
    """Nobody would find no fault."""

    async def journey(index: int) -> int:
        return index

    with pytest.raises(ValueError, match=f"count={count} and at_once={at_once}"):
        asyncio.run(concurrently(count, journey, at_once=at_once))
