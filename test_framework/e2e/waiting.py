"""Waiting for something to come true: bounded, and with an error that says what did not."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["NotInTime", "wait_until", "wait_until_async"]

T = TypeVar("T")


class NotInTime(AssertionError):
    """It did not come true in time; the text says what, within how long, and how it was in the end."""

    def __init__(self, what: str, seconds: float, last: str) -> None:
        super().__init__(f"not so after {seconds:g} s: {what}; {last}")


class _Wait:
    """How long is left, and what was last seen."""

    def __init__(self, what: str, seconds: float, pause: float) -> None:
        self._what = what
        self._seconds = seconds
        self._pause = pause
        self._ends = time.monotonic() + seconds
        self._last = "it was never asked to the end"
        self._error: Exception | None = None

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def saw(self, value: object, error: Exception | None = None) -> None:
        self._last = f"it raised {type(error).__name__}: {error}" if error else f"the last value is {value!r}"
        self._error = error

    def pause(self) -> float:
        """Return how long to sleep before the next look; raises `NotInTime` when the time is over."""
        if not self.seconds_left:
            raise self.over() from self._error
        return min(self._pause, self.seconds_left)

    def over(self) -> NotInTime:
        return NotInTime(self._what, self._seconds, self._last)


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = 10.0, pause: float = 0.02) -> T:
    """Ask until the answer is true, and return it.

    Args:
        condition: Asked at least once. What it raises counts as not yet true.
        what: What is waited for, for the error.
        seconds: The bound; a condition that is slow itself is not interrupted.
        pause: Seconds between two looks.

    Raises:
        NotInTime: It did not come true.
    """
    wait = _Wait(what, seconds, pause)
    while True:
        try:
            if value := condition():
                return value
            wait.saw(value)
        except Exception as error:  # noqa: BLE001  # told when the time is over
            wait.saw(None, error)
        time.sleep(wait.pause())


async def wait_until_async(
    condition: Callable[[], T | Awaitable[T | None] | None], what: str, seconds: float = 10.0, pause: float = 0.02
) -> T:
    """Do as `wait_until`; the condition may be a coroutine function, which is cancelled when the time is over."""
    wait = _Wait(what, seconds, pause)
    while True:
        bound = asyncio.timeout(wait.seconds_left)
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                async with bound:
                    answer = await answer
            if answer:
                return cast("T", answer)
            wait.saw(answer)
        except Exception as error:  # noqa: BLE001  # told when the time is over
            # One that was cut off has seen nothing new.
            if not (isinstance(error, TimeoutError) and bound.expired()):
                wait.saw(None, error)
        await asyncio.sleep(wait.pause())
