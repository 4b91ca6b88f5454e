"""The registry of public names: where each is to be imported from."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from test_framework.audit.registry import make_registry
from test_framework.cli import main
from test_framework.config import load

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {
    "pyproject.toml": "[tool.test_framework]\n",
    "src/app/__init__.py": "from app._core import Client, hidden\nfrom app.deep import *\n__all__ = ['Client']\n",
    "src/app/_core.py": "class Client: pass\ndef hidden(): pass\n_private = 1\nLIMIT: int = 3\nonly: int\n",
    "src/app/deep/__init__.py": "from .inner import helper as helper, other\n",
    "src/app/deep/inner.py": "def helper(): pass\ndef other(): pass\nimport json\n",
    "src/app/same.py": "try:\n    import x\nexcept ImportError:\n    x = None\nif 1:\n    def other(): pass\n",
    "src/app/sick.py": "def broken(:\n",
    "noxfile.py": "def session(): pass\n",
    "tests/test_it.py": "def test_it(): pass\n",
    "tests/conftest.py": "def fixture(): pass\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a project."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def registry(root: Path, *arguments: str) -> int:
    """Run the command."""
    return main(["--root", str(root), "imports", "registry", *arguments])


def test_where_each_name_is_to_be_imported_from(root: Path) -> None:
    """From the shortest public module that offers it; two things of one name have two places."""
    assert make_registry(root, load(root, {})) == {
        "Client": ["app"],
        "LIMIT": ["app._core"],
        "helper": ["app.deep"],
        "hidden": ["app._core"],
        "other": ["app.deep.inner", "app.same"],
        "x": ["app.same"],
    }


@pytest.mark.parametrize("name", ["imports.toml", "kept.json"])
def test_written_and_checked(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each difference is a line, and the exit says whether there is one."""
    file = root / name
    assert registry(root, "--file", str(file)) == 0
    text = file.read_text()
    kept = json.loads(text) if name.endswith("json") else tomllib.loads(text)
    assert kept["Client"] == "app"
    assert list(kept) == sorted(kept)
    assert registry(root, "--file", str(file), "--check") == 0
    assert registry(root, "--file", str(file)) == 0
    assert file.read_text() == text
    (root / "src/app/same.py").write_text("def fresh(): pass\n")
    (root / "src/app/__init__.py").write_text("")
    capsys.readouterr()
    assert registry(root, "--file", str(file), "--check") == 1
    assert capsys.readouterr().out.splitlines() == [
        "! Client: app in the registry, app._core in the source",
        "+ fresh: app.same is not in the registry",
        "! other: app.deep.inner, app.same in the registry, app.deep.inner in the source",
        "- x: app.same is in the registry, and no module offers it",
        "4 differences; 6 names in " + name,
    ]
    assert file.read_text() == text


def test_the_default_file(root: Path) -> None:
    """It lies in the project's root."""
    assert registry(root) == 0
    assert registry(root, "--check") == 0
    assert (root / "imports.toml").exists()


@pytest.mark.parametrize(
    "text", ["x = 1\n", "x = \n", "x = [1]\n", pytest.param(f"x = {'[' * 3000}", id="nested"), None]
)
def test_a_registry_that_is_none(root: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Not there, not TOML, or without places: misuse that names the file."""
    if text is not None:
        (root / "imports.toml").write_text(text)
    assert registry(root, "--check") == 2
    assert "imports.toml" in capsys.readouterr().err


def test_another_ending(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The ending says how it is written."""
    assert registry(root, "--file", "x.yaml") == 2
    assert ".json or .toml" in capsys.readouterr().err


def test_the_names_can_be_imported_from_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python agrees, name by name."""
    from importlib import import_module

    monkeypatch.syspath_prepend(str(root / "src"))
    for name, places in make_registry(root, load(root, {})).items():
        for place in places:
            assert hasattr(import_module(place), name), (place, name)
