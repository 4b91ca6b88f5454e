"""Many users at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from test_framework.e2e.waiting import NotInTime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["concurrently"]

T = TypeVar("T")


async def concurrently(
    count: int, journey: Callable[[int], Awaitable[T]], *, at_once: int | None = None, seconds: float = 120.0
) -> list[T]:
    """Let `count` users make a journey, all at the same time.

    What blocks goes into a thread: `lambda index: asyncio.to_thread(User.new, deployment)`.

    Args:
        count: How many; at least one, since nobody finds no fault.
        journey: Called with 0 to `count` - 1.
        at_once: How many may be under way; all, when None.
        seconds: The bound on all of them together; who is still under way then is cancelled.

    Returns:
        What each has returned, in order.

    Raises:
        ExceptionGroup: Some failed; its text names them, and each error has a note that says whose it is. For one
            who was not in time it is `NotInTime`.
        ValueError: `count` or `at_once` is less than 1.
    """
    most = count if at_once is None else at_once
    if min(count, most) < 1:
        raise ValueError(f"count={count} and at_once={at_once} must be 1 at least")
    places = asyncio.Semaphore(most)

    async def one(index: int) -> T:
        async with places:
            return await journey(index)

    tasks = [asyncio.create_task(one(index), name=f"user {index}") for index in range(count)]
    try:
        _, late = await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    failures: dict[int, Exception] = {}
    for index, (task, outcome) in enumerate(zip(tasks, ended, strict=True)):
        if task in late:
            failures[index] = NotInTime(f"the journey of user {index} is over", seconds, "it was under way")
        elif isinstance(outcome, Exception):
            failures[index] = outcome
        elif isinstance(outcome, BaseException):
            raise outcome
    for index, error in failures.items():
        error.add_note(f"user {index} of {count}")
    if failures:
        names = ", ".join(map(str, failures))
        raise ExceptionGroup(f"{len(failures)} of {count} users failed: {names}", list(failures.values()))
    return [task.result() for task in tasks]
