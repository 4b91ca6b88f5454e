"""Embedded servers, as far as none is started."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from test_framework import owner
from test_framework.contracts import Binary, RunAs
from test_framework.providers import embedded
from test_framework.providers.embedded import _reachable

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_program_that_can_be_reached_stays(private: Path) -> None:
    """So does one that is run by this user."""
    binary = program(private / "bin/postgres")
    assert _reachable(binary, RunAs()) == binary


def test_a_wheel_is_copied_with_its_libraries(private: Path) -> None:
    """They are where the program looks for them, and every folder on the way can be entered."""
    binary = program(private / "wheel/pginstall/bin/postgres")
    (private / "wheel.libs").mkdir()
    (private / "wheel.libs/libpq.so").touch()
    mask = os.umask(0o077)
    try:
        found = _reachable(binary, RunAs(uid=65534)).path
    finally:
        os.umask(mask)
    assert (found.parent / "../../../wheel.libs/libpq.so").exists()
    copy = next(folder for folder in found.parents if folder.parent.name == "temporary")
    assert all(path.stat().st_mode & 0o001 for path in copy.rglob("*") if path.is_dir())


def test_another_installation_is_copied_as_it_is(private: Path) -> None:
    """Its programs and what stands beside them."""
    binary = program(private / "pg/bin/postgres")
    (private / "pg/share").mkdir()
    found = _reachable(binary, RunAs(uid=65534)).path
    assert private not in found.parents
    assert (found.parents[1] / "share").is_dir()


def test_only_what_a_dead_owner_has_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a living one's, nor that of an owner in another process namespace, whose processes we do not see."""
    monkeypatch.setattr(embedded, "_MEMORY", tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, living, mine = "1_1", owner.MARK, owner.NAMESPACE
    kept = {f"{living}-{mine}-redis-a", f"{dead}-4711-redis-b", "something else"}
    for name in (*kept, f"{dead}-{mine}-redis-c", f"{dead}-{mine}-initdb-d"):
        (tmp_path / f"test-framework-{os.getuid()}-{name}").mkdir()
    embedded._sweep()
    assert {path.name for path in tmp_path.iterdir()} == {f"test-framework-{os.getuid()}-{name}" for name in kept}
