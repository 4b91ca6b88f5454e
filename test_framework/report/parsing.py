"""Checks numbers that are read from files which anybody may have changed."""

from __future__ import annotations

from test_framework.config.values import EXACT, finite

_LAST_SECOND = 253_402_300_799
"""Of the year 9999, after which there is no date."""


def count(value: object) -> int:
    """Return a number of things.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= EXACT:
        raise ValueError(f"{value!r} is not a whole number, from 0 to {EXACT}")
    return value


def seconds(value: object) -> float:
    """Return a time in seconds, how long something took or since the epoch.

    Raises:
        ValueError: It is none.
    """
    number = finite(value, _LAST_SECOND)
    if number is None:
        raise ValueError(f"{value!r} is not a number of seconds, from 0 to {_LAST_SECOND}")
    return number
