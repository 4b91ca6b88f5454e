"""Embedded servers, as far as none is started."""

from __future__ import annotations

import os
import stat
import tempfile
from typing import TYPE_CHECKING

import pytest

from test_framework import cleanup, owner
from test_framework.config import load
from test_framework.contracts import Binary, Context, RunAs
from test_framework.memo import Memo
from test_framework.private import PREFIX
from test_framework.providers._programs import HOME, reachable
from test_framework.supervisor.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = RunAs(uid=65534, gid=65534)


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that no other user may enter, beside an empty temporary folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


def program(path: Path) -> Binary:
    """Write a program."""
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return Binary(path, "18.4", "a wheel")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Return what a provider may use."""
    guard = Guard()
    yield Context(load(tmp_path, {}), {}, owner.MARK, Memo(), guard, print)
    guard.close()


def test_a_program_that_can_be_reached_stays(private: Path, context: Context) -> None:
    """So does one that is run by this user."""
    binary = program(private / "bin/postgres")
    assert reachable(binary, RunAs(), context) == binary


def test_a_wheel_is_copied_with_its_libraries(private: Path, context: Context) -> None:
    """They are where the program looks for them, and everything can be read, whoever installed it for himself."""
    binary = program(private / "wheel/pginstall/bin/postgres")
    (private / "wheel.libs").mkdir()
    (private / "wheel.libs/libpq.so").touch(mode=0o600)
    mask = os.umask(0o077)
    try:
        found = reachable(binary, NOBODY, context).path
    finally:
        os.umask(mask)
    assert (found.parent / "../../../wheel.libs/libpq.so").exists()
    copies = private.parent / "temporary" / HOME
    assert stat.S_IMODE(copies.stat().st_mode) == 0o711
    for path in copies.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() or path == found else 0o644)


def test_another_installation_is_copied_as_it_is(private: Path, context: Context) -> None:
    """Its programs and what stands beside them; the next start uses the same copy."""
    binary = program(private / "pg/bin/postgres")
    (private / "pg/share").mkdir()
    (private / "pg/share/words").write_text("postgres")
    found = reachable(binary, NOBODY, context).path
    assert private not in found.parents
    assert (found.parents[1] / "share/words").read_text() == "postgres"
    before = found.stat()
    assert reachable(binary, NOBODY, context).path == found
    assert found.stat().st_ino == before.st_ino


@pytest.mark.parametrize("change", ["lost", "other", "new"])
def test_a_copy_that_is_another_than_the_program_is_made_anew(private: Path, context: Context, change: str) -> None:
    """A tidied temporary folder loses files; a program that was installed again has others."""
    binary = program(private / "pg/bin/postgres")
    copied = reachable(binary, NOBODY, context).path
    if change == "lost":
        copied.unlink()
    else:
        (copied if change == "other" else binary.path).write_text("#!/bin/sh\nexit\n")
    found = reachable(binary, NOBODY, context).path
    assert found.read_text() == binary.path.read_text()
    assert (found == copied) is (change != "new")


def test_half_a_copy_goes_with_the_next_one(private: Path, context: Context) -> None:
    """It is found by its name when whoever made it was killed; a living process still works at its own."""
    binary = program(private / "pg/bin/postgres")
    copies = private.parent / "temporary" / HOME
    copies.mkdir(mode=0o711)
    dead, living = (f"{PREFIX}{mark}-{owner.NAMESPACE}-copy-x" for mark in ("1_1", owner.MARK))
    for name in (dead, living):
        (copies / name).mkdir(mode=0o700)
    reachable(binary, NOBODY, context)
    assert not (copies / dead).exists()
    assert (copies / living).exists()


def test_only_what_a_dead_owner_has_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a living one's, nor that of an owner in another process namespace, whose processes we do not see."""
    monkeypatch.setattr(cleanup, "MEMORY", tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, living, mine = "1_1", owner.MARK, owner.NAMESPACE
    kept = {f"{living}-{mine}-redis-a", f"{dead}-4711-redis-b", "something else"}
    for name in (*kept, f"{dead}-{mine}-redis-c", f"{dead}-{mine}-initdb-d"):
        (tmp_path / f"test-framework-{os.getuid()}-{name}").mkdir()
    cleanup.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {f"test-framework-{os.getuid()}-{name}" for name in kept}
