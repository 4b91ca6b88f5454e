"""Tests with some work of their own: processor time, waiting, and one in four that writes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_mixed(connection: psycopg.Connection, number: int) -> None:
    """Each begins with what the schema brings."""
    assert connection.execute("SELECT count(*) FROM t1").fetchone() == (0,)
    if number % 4 == 0:
        connection.execute("INSERT INTO t1 (name) VALUES (%s)", [str(number)])
    assert sum(range(100_000)) > 0
    time.sleep(0.005)
