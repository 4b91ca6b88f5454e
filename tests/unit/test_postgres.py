"""PostgreSQL, as far as no server is needed to know it."""

from __future__ import annotations

from pathlib import Path

import psycopg.conninfo
import pytest

from test_framework.contracts import Dedicated, Launch
from test_framework.services._postgres_databases import _shown
from test_framework.services.postgres import SERVICE


@pytest.mark.parametrize(
    ("own", "installed", "rounds"), [(None, False, 1), (None, True, 4096), (Dedicated(), False, 4096)], ids=str
)
def test_rounds_of_hashing(
    own: Dedicated | None, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    """One, unless a client may be used that refuses so few."""
    monkeypatch.syspath_prepend(tmp_path)
    if installed:
        (tmp_path / "scramp.py").touch()
    kept = SERVICE.container(Launch("s3cret", dedicated=own)).env["POSTGRES_PASSWORD"]
    assert kept.startswith(f"SCRAM-SHA-256${rounds}:")


def test_the_url_of_a_kept_database_names_a_file_anywhere() -> None:
    """The path is what libpq reads, whatever letters it has."""
    passfile = Path("/tmp/my 100% größe & more/pgpass")  # noqa: S108  # nothing is there
    shown = _shown("postgresql://postgres:s3cret@127.0.0.1:5499/tf_1", passfile)
    told = psycopg.conninfo.conninfo_to_dict(shown)
    assert (told["passfile"], told["dbname"], "password" in told) == (str(passfile), "tf_1", False)
