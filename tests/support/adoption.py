"""Projects of other people, to which `init` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LIBRARY", "files", "init", "make"]

LIBRARY = {
    "pyproject.toml": '[project]\nname = "library"\nversion = "1.0"\n',
    "library.py": "def label(title):\n    return title.upper()\n",
    "tests/test_library.py": (
        'from library import label\n\n\ndef test_label():\n    assert label("Kindred") == "KINDRED"\n'
    ),
}
"""A project of ten lines; `docs/how-to/adopt.md` shows it."""


def make(root: Path, given: Mapping[str, str]) -> Path:
    """Write the files of a project, and return its folder."""
    for name, content in given.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return root


def files(root: Path) -> dict[str, bytes]:
    """Return what is in a project, but for what git and runs leave."""
    found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith((".git/", "build/"))}


def init(root: Path, *options: str) -> int:
    """Run the command."""
    return main(["--root", str(root), "init", *options])
