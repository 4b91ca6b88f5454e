"""Plain SQL: a database created from a template for each test, and dropped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from shared import clone, one_database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def template() -> Iterator[str]:
    """Return the name of the template."""
    with one_database(os.environ["SERVER"]) as url:
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def connection(template: str) -> Iterator[psycopg.Connection]:
    """Connect to a clone."""
    server = os.environ["SERVER"]
    with clone(server, template) as name, psycopg.connect(server, dbname=name) as connection:
        yield connection
