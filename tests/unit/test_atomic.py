"""A file is replaced in one step, or stays as it was."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.atomic import replace_file
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from pathlib import Path


def test_who_reads_meanwhile_has_the_old_content(tmp_path: Path) -> None:
    """The new content is another file, which takes the place of the first."""
    path = tmp_path / "folder" / "report.json"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """A folder is in its place."""
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError, match="report"):
        replace_file(tmp_path / "report.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_its_rights(tmp_path: Path, mode: int) -> None:
    """Whatever those of the file were that was there."""
    path = tmp_path / "secrets.env"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(path, b"new", mode=mode)
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.needs("root")
def test_a_file_of_the_projects_own_keeps_rights_and_owner(tmp_path: Path) -> None:
    """Root, who may be anybody, does not make it root's."""
    path = tmp_path / "script.py"
    path.write_bytes(b"old")
    path.chmod(0o750)
    os.chown(path, NOBODY, NOBODY)
    replace_file(path, b"new", mode=None)
    found = path.stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o750, NOBODY, NOBODY)
    replace_file(tmp_path / "another.py", b"new", mode=None)
    assert (tmp_path / "another.py").stat().st_mode & 0o777 == 0o644
