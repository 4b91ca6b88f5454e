"""Checks numbers that are read from files which anybody may have changed."""

from __future__ import annotations

__all__ = ["count", "seconds"]


def count(value: object) -> int:
    """Return a number of things.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a whole number, 0 or more")
    return value


def seconds(value: object) -> float:
    """Return a time in seconds.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is not a number of seconds, 0 or more")
    return float(value)
