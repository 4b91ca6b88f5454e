"""Tests that see an empty keyspace each, and read it, or write to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from redis import Redis


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_keyspace(client: Redis, number: int) -> None:
    """It has no key."""
    assert client.dbsize() == 0
    if os.environ["WRITE"] == "1":
        client.set("key", number)
        assert client.get("key") == str(number).encode()
