"""PostgreSQL, as far as no server is needed to know it."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg.conninfo
import pytest

from test_framework import owner
from test_framework.contracts import Binary, Dedicated, Launch, RunAs
from test_framework.private import PREFIX
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services._postgres_databases import _shown
from test_framework.services.postgres import SERVICE, _cache_path, _copy_from_cache, _store_in_cache
from tests.support.strangers import NOBODY


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


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    """Return a program, which is not run."""
    (tmp_path / "postgres").touch()
    return Binary(tmp_path / "postgres", "18.4", "PATH")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache of this package."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/test-framework"


def made(folder: Path) -> Path:
    """Make what looks like a data directory."""
    folder.mkdir(parents=True, mode=0o700)
    (folder / "PG_VERSION").write_text("18")
    return folder


def test_a_data_directory_is_kept_with_its_first_password(binary: Binary, cache: Path, tmp_path: Path) -> None:
    """The next start has a copy of it; nobody else may read either."""
    kept = _cache_path(binary, RunAs())
    assert kept is not None
    _store_in_cache(made(tmp_path / "data"), "first", kept, RunAs())
    assert _cache_path(binary, RunAs()) == kept
    assert _copy_from_cache(kept, tmp_path / "copy") == "first"
    assert (tmp_path / "copy/PG_VERSION").read_text() == "18"
    assert [path.name for path in cache.iterdir()] == [kept.name]
    assert cache.stat().st_mode & 0o777 == 0o700


def test_half_a_data_directory_goes_with_the_next_start(binary: Binary, cache: Path) -> None:
    """It fills the cache otherwise; one that is being made stays."""
    dead, living = (made(cache / f"{PREFIX}{mark}-{owner.NAMESPACE}-initdb-x") for mark in ("1_1", owner.MARK))
    _cache_path(binary, RunAs())
    assert (dead.exists(), living.exists()) == (False, True)


def test_a_full_disk_leaves_no_half_of_one(binary: Binary, cache: Path, tmp_path: Path) -> None:
    """The server starts without one that is kept."""
    kept = _cache_path(binary, RunAs())
    assert kept is not None
    os.mkfifo(made(tmp_path / "data") / "what cannot be copied")
    _store_in_cache(tmp_path / "data", "first", kept, RunAs())
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("whose", ["a file", "read-only" if os.geteuid() else "another user's"])
def test_without_a_cache_of_ours_nothing_is_kept(binary: Binary, cache: Path, whose: str) -> None:
    """Nothing is taken from a folder in which somebody else may put anything, as by `sudo` with its user's home."""
    if whose == "another user's":
        os.chown(made(cache), NOBODY, NOBODY)
    elif whose == "a file":
        cache.parent.write_text("")
    else:
        cache.parent.mkdir(mode=0o500)
    assert _cache_path(binary, RunAs()) is None


@pytest.mark.needs("root")
def test_a_user_without_a_name_is_told_so() -> None:
    """The user id that `docker run --user` is given may have none, for which initdb would ask."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setuid(54321)
            SERVICE.find_binary("", {})
        except Refused as refused:
            status = 0 if refused.reason.code is Code.USER_UNKNOWN else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
