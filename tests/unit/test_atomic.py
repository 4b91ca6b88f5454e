"""A file is replaced in one step, or stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.atomic import replace_file

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
