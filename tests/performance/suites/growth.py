"""Tests that mostly read; one in ten writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_database(connection: psycopg.Connection, number: int) -> None:
    """Each begins with what the schema brings."""
    assert connection.execute("SELECT count(*) FROM t1").fetchone() == (0,)
    if number % 10 == 0:
        connection.execute("INSERT INTO t1 (name) VALUES (%s)", [str(number)])
