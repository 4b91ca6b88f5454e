"""No variable of libpq changes where a connection of a fixture's URL goes, hangs it, or fails it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from test_framework.reach.libpq import ignore_libpq_variables

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.resolution import Endpoint

NOBODY = "127.0.0.254"
"""An address of this machine at which no server listens."""

HARMLESS = {
    "PGHOST": NOBODY,
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nothing",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nonexistent",
    "PGAPPNAME": "test-framework",
    "PGCONNECT_TIMEOUT": "2",
    "PGTZ": "UTC",
}
"""What a URL with host, port, user, password and database overrules, and what people may prefer."""

LEADING = {
    "PGHOSTADDR": "nonsense",
    "PGSERVICE": "nowhere",
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c nonsense=1",
    "PGSSLMODE": "require",
    "PGSSLROOTCERT": "system",
    "PGSSLNEGOTIATION": "direct",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "none",
    "PGGSSENCMODE": "require",
    "PGSSLMINPROTOCOLVERSION": "nonsense",
    "PGLOADBALANCEHOSTS": "nonsense",
}
"""What would change or fail a connection with any URL that all drivers understand."""


def name_of(url: str) -> object:
    """Return the database that a connection is in."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    return row and row[0]


@pytest.mark.parametrize("name", [*HARMLESS, *LEADING])
def test_the_url_decides(name: str, postgres_db: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, while a test has the URL of a server."""
    monkeypatch.setenv(name, (HARMLESS | LEADING)[name])
    with ignore_libpq_variables():
        assert name_of(postgres_db.url) == postgres_db.url.rpartition("/")[2]


@pytest.mark.parametrize("name", LEADING)
def test_without_that_it_fails(name: str, postgres_db: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above shows something."""
    monkeypatch.setenv(name, LEADING[name])
    with pytest.raises(psycopg.OperationalError):
        name_of(postgres_db.url)


def test_a_service_file_of_the_home_folder(
    postgres_db: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says nothing where no service is named."""
    (tmp_path / ".pg_service.conf").write_text(f"[prod]\nhostaddr={NOBODY}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / ".pg_service.conf"))
    monkeypatch.setenv("PGSERVICE", "prod")
    with ignore_libpq_variables():
        assert name_of(postgres_db.url) == postgres_db.url.rpartition("/")[2]
