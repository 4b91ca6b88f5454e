"""Data directories of embedded Postgres, as far as no server is needed to know them."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework import owner
from test_framework.contracts import Binary, Launch, RunAs
from test_framework.private import PREFIX
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services import _user_name
from test_framework.services._postgres_data import (
    _cache_path,
    _copy_from_cache,
    _store_in_cache,
    make_data_directory,
)
from test_framework.services.postgres import SERVICE
from test_framework.store import programs
from tests.support.postgres_programs import postgres_without
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMELESS = 54321
"""A user id that no user database has, as one that `docker run --user` is given."""


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    """Return a program, which is not run."""
    (tmp_path / "postgres").touch()
    return Binary(tmp_path / "postgres", "18.4", "PATH")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a folder for what is kept."""
    (tmp_path / "cache").mkdir(mode=0o700)
    return tmp_path / "cache"


def made(folder: Path) -> Path:
    """Make what looks like a data directory."""
    folder.mkdir(parents=True, mode=0o700)
    (folder / "PG_VERSION").write_text("18")
    return folder


def test_a_data_directory_is_kept_with_its_first_password(binary: Binary, cache: Path, tmp_path: Path) -> None:
    """The next start has a copy of it; nobody else may read either."""
    kept = _cache_path(cache, binary, RunAs())
    _store_in_cache(made(tmp_path / "data"), "first", kept, RunAs())
    assert _cache_path(cache, binary, RunAs()) == kept
    assert _copy_from_cache(kept, tmp_path / "copy") == "first"
    assert (tmp_path / "copy/PG_VERSION").read_text() == "18"
    assert [path.name for path in cache.iterdir()] == [kept.name]


def test_half_a_data_directory_goes_with_the_next_start(binary: Binary, cache: Path) -> None:
    """It fills the cache otherwise; one that is being made stays."""
    dead, living = (made(cache / f"{PREFIX}{mark}-{owner.NAMESPACE}-initdb-x") for mark in ("1_1", owner.MARK))
    _cache_path(cache, binary, RunAs())
    assert (dead.exists(), living.exists()) == (False, True)


def test_a_full_disk_leaves_no_half_of_one(binary: Binary, cache: Path, tmp_path: Path) -> None:
    """The server starts without one that is kept."""
    kept = _cache_path(cache, binary, RunAs())
    os.mkfifo(made(tmp_path / "data") / "what cannot be copied")
    _store_in_cache(tmp_path / "data", "first", kept, RunAs())
    assert list(cache.iterdir()) == []


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a folder that every user can reach: pytest closes its own to all others, with each run anew."""
    with tempfile.TemporaryDirectory(prefix="tf-", dir="/tmp") as folder:  # TMPDIR may be ours alone
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.fixture
def program(reachable: Path) -> Binary:
    """Return the Postgres of this machine, where every user can run it: an environment may be closed to others."""
    try:
        found = SERVICE.find_binary("", os.environ)
    except Refused as refused:
        pytest.skip(str(refused.reason))
    if not found.origin.endswith("wheel"):
        return found
    return Binary(postgres_without(reachable / "installed") / "postgres", found.version, found.origin)


def as_user(uid: int, call: Callable[[], int]) -> int:
    """Return what a call returns in a process of another user."""
    pid = os.fork()
    if not pid:
        status = 70
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            status = call()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.needs("root")
@pytest.mark.parametrize("given", [True, False], ids=["a name is given", "no name is given"])
def test_a_user_without_a_name(
    program: Binary, reachable: Path, monkeypatch: pytest.MonkeyPatch, *, given: bool
) -> None:
    """Initdb is told one; where that is not possible, he hears what to do."""
    folder = reachable / "server"
    folder.mkdir()
    os.chown(folder, NAMELESS, NAMELESS)
    if not given:
        monkeypatch.setattr(_user_name, "supported", lambda: False)
    elif not _user_name.supported():
        pytest.skip(f"no name can be given on {sys.platform}")

    def make() -> int:
        try:
            # What is kept is not of interest: there is nothing yet.
            make_data_directory(program, folder / "data", Launch("s3cret", cache=lambda: folder), RunAs())
        except Refused as refused:
            return 1 if refused.reason.code is Code.USER_UNKNOWN else 2
        return 0 if (folder / "data/PG_VERSION").exists() else 3

    assert as_user(NAMELESS, make) == (0 if given else 1)


@pytest.mark.needs("root")
def test_a_user_who_cannot_be_given_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """He hears it before a server is started, so that the next provider is tried."""
    monkeypatch.setattr(_user_name, "supported", lambda: False)

    def find() -> int:
        try:
            SERVICE.find_binary("", os.environ)
        except Refused as refused:
            return 0 if refused.reason.code is Code.USER_UNKNOWN else 2
        return 1

    assert as_user(NAMELESS, find) == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"TZ": "Asia/Tokyo", "TZDIR": "/nonexistent"},
        {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"},
        {"PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German", "PGOPTIONS": "-c search_path=x", "PGCLIENTENCODING": "LATIN1"},
    ],
    ids=["time zone", "language", "libpq"],
)
def test_what_initdb_makes_does_not_depend_on_the_shell(
    program: Binary, reachable: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """What is kept for the next start, perhaps of another project, is as the official image has it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    run = RunAs() if os.geteuid() else RunAs(NOBODY, NOBODY)
    folder, cache = reachable / "server", reachable / "cache"
    for path in (folder, cache):
        path.mkdir(mode=0o700)
    make_data_directory(program, folder / "data", Launch("s3cret", cache=lambda: cache), run)
    told = (folder / "data/postgresql.conf").read_text()
    found = {
        name.strip(): value.partition("#")[0].strip().strip("'")
        for name, equals, value in (line.partition("=") for line in told.splitlines() if not line.startswith("#"))
        if equals
    }
    wanted = {
        "timezone": "Etc/UTC",
        "log_timezone": "Etc/UTC",
        "datestyle": "iso, mdy",
        "default_text_search_config": "pg_catalog.english",
        **dict.fromkeys(("lc_messages", "lc_monetary", "lc_numeric", "lc_time"), "C"),
    }
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("origin", [programs.ORIGIN, "PATH"])
def test_a_program_of_the_store_finds_the_libraries_beside_it(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """What it loads may look for them where it was built; a program from elsewhere is left alone."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    (tmp_path / "bin").mkdir()
    initdb = tmp_path / "bin/initdb"
    initdb.write_text('#!/bin/sh\nmkdir "$2"\necho "$LD_LIBRARY_PATH" >"$2/told"\n')
    for path in (initdb, tmp_path / "bin/postgres"):
        path.touch()
        path.chmod(0o755)
    (tmp_path / "server").mkdir(mode=0o700)
    launch = Launch("s3cret", env=os.environ, cache=lambda: cache)
    binary = Binary(tmp_path / "bin/postgres", "17.11", origin)
    command = SERVICE.prepare(binary, tmp_path / "server", 1, launch, RunAs())
    found = f"{tmp_path / 'lib'}:/mine" if origin == programs.ORIGIN else None
    assert (tmp_path / "server/data/told").read_text() == f"{found or '/mine'}\n"
    assert command.env.get("LD_LIBRARY_PATH") == found
