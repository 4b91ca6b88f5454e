"""Versions of servers: what one says that it is, and what somebody asks for.

Both are texts. A server is `17.11`, or `valkey 9.1.2 (Redis 7.2 compatible)` where the product is not the one after
which its service is named. Asked for is a major version, `17`, or more of it, `17.11`; of Valkey, `valkey 9`.
"""

from __future__ import annotations

import re

VALKEY = "valkey"
PATTERN = re.compile(rf"(?:({VALKEY}) )?(\d+(?:\.\d+)*)")
"""What may be asked for, and how each version begins."""

_COMPATIBLE = "7.2"
"""What every Valkey so far says of the Redis that it takes the place of."""

Distance = tuple[bool, int, tuple[int, ...], bool]


def valkey(version: str, compatible: str = "") -> str:
    """Return the version of a Valkey as people are told it: Valkey is not Redis.

    Args:
        version: Its own.
        compatible: The version of Redis that it takes the place of, where the server has said it.
    """
    return f"{VALKEY} {version} (Redis {'.'.join(compatible.split('.')[:2]) or _COMPATIBLE} compatible)"


def major_of(version: str) -> str:
    """Return the product, where it has to be said, with the first number; empty where there is no number."""
    found = PATTERN.match(version)
    return f"{found[1] or ''} {found[2].partition('.')[0]}".strip() if found else ""


def satisfies(version: str, wanted: str) -> bool:
    """Whether a server is of the version asked for, as far as that says; any is when nothing is asked for."""
    if not wanted:
        return True
    product, numbers = _parsed(version)
    wanted_product, wanted_numbers = _parsed(wanted)
    return product == wanted_product and numbers[: len(wanted_numbers)] == wanted_numbers


def distance(version: str, wanted: str) -> Distance:
    """Return what orders servers by how near they are to the one asked for: the nearest is the least.

    The product comes first, then the major version, then the numbers after it; of two that are as near, the newer one.
    """
    product, numbers = _parsed(version)
    wanted_product, wanted_numbers = _parsed(wanted)
    gaps = tuple(abs(have - want) for have, want in zip(numbers, wanted_numbers, strict=False))
    return product != wanted_product, len(wanted_numbers) - len(gaps), gaps, numbers < wanted_numbers


def newest_first(version: str) -> tuple[int, ...]:
    """Return what orders versions from the newest to the oldest."""
    return tuple(-number for number in numbers_of(version))


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; none where it has none."""
    return _parsed(version)[1]


def _parsed(version: str) -> tuple[str, tuple[int, ...]]:
    found = PATTERN.match(version)
    return (found[1] or "", tuple(map(int, found[2].split(".")))) if found else ("", ())
