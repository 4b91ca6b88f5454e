"""PostgreSQL, as far as no server is needed to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.contracts import Launch, Own
from test_framework.services.postgres import SERVICE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("own", "installed", "rounds"), [(None, False, 1), (None, True, 4096), (Own(), False, 4096)], ids=str
)
def test_rounds_of_hashing(
    own: Own | None, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    """One, unless a client may be used that refuses so few."""
    monkeypatch.syspath_prepend(tmp_path)
    if installed:
        (tmp_path / "scramp.py").touch()
    kept = SERVICE.container(Launch("s3cret", own=own)).env["POSTGRES_PASSWORD"]
    assert kept.startswith(f"SCRAM-SHA-256${rounds}:")
