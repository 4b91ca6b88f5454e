"""Waiting: the value when it comes, and when it does not, what, how long, and how it was in the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.e2e.waiting import NotInTime, wait_until, wait_until_async

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND = 0.1


def blocking(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """Wait without asyncio."""
    return wait_until(condition, what, seconds, 0.001)


def looping(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """Wait with asyncio."""
    return asyncio.run(wait_until_async(condition, what, seconds, 0.001))


both = pytest.mark.parametrize("wait", [blocking, looping])


@both
def test_the_value_is_returned(wait: Callable[..., Any]) -> None:
    """As soon as it is true; what was raised before does not count."""
    answers = iter([None, 0, KeyError("not yet"), "there"])

    def condition() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait(condition, "it is there") == "there"


@both
@pytest.mark.parametrize("value", [None, [], "", False])
def test_what_does_not_come_true_is_told(wait: Callable[..., Any], value: object) -> None:
    """An assertion error with what was waited for, the bound and the last value, when the time is over."""
    begin = time.monotonic()
    with pytest.raises(NotInTime) as caught:
        wait(lambda: value, "it is there", BOUND)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value) == f"not so after 0.1 s: it is there; the last value is {value!r}"
    assert BOUND <= time.monotonic() - begin < BOUND + 5


@both
def test_the_last_error_is_told(wait: Callable[..., Any]) -> None:
    """It is the cause, too."""
    with pytest.raises(NotInTime, match=r"it raised ZeroDivisionError: .*division") as caught:
        wait(lambda: 1 // 0, "it is there", BOUND)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@both
def test_it_is_asked_once_at_least(wait: Callable[..., Any]) -> None:
    """Also when there is no time for it."""
    assert wait(lambda: 7, "it is there", 0) == 7


def test_a_coroutine_is_awaited_and_cut_off() -> None:
    """One that answers in time counts, one that hangs is cancelled when the time is over."""

    async def quick() -> int:
        return 7

    async def hangs() -> int:
        await asyncio.sleep(60)
        return 7

    assert looping(quick, "it is there") == 7
    with pytest.raises(NotInTime, match="it is there; it was never asked to the end"):
        looping(hangs, "it is there", BOUND)
