"""Tests that see a fresh database each, and read it, or write to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_database(connection: psycopg.Connection, number: int) -> None:
    """The first table has the schema's rows, the others have none."""
    assert connection.execute("SELECT count(*) FROM t0").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM t1").fetchone() == (0,)
    if os.environ["WRITE"] == "1":
        connection.execute("INSERT INTO t1 (name) VALUES (%s)", [str(number)])
        connection.execute("INSERT INTO t2 (name) VALUES ('x')")
