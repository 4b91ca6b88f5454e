"""Ours, and the seconds of each test, its fixtures included, in a file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from test_framework.resolution import Endpoint

_SECONDS: list[float] = []


@pytest.fixture
def connection(postgres_db: Endpoint) -> Iterator[psycopg.Connection]:
    """Connect to it."""
    with psycopg.connect(postgres_db.url) as connection:
        yield connection


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Measure a test from its setup to the end of its teardown."""
    begin = time.perf_counter()
    try:
        return (yield)
    finally:
        _SECONDS.append(time.perf_counter() - begin)


def pytest_sessionfinish() -> None:
    """Write what was measured."""
    Path(os.environ["SECONDS"]).write_text(json.dumps(_SECONDS), encoding="utf-8")
