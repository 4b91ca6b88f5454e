"""Ours: a transaction for each test, rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg


@pytest.fixture
def connection(postgres_tx: psycopg.Connection) -> psycopg.Connection:
    """Return it as it is."""
    return postgres_tx
