"""What all commands have in common: how they end when they are interrupted, and what none of them can do without."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config import Settings

COMMANDS = [
    ["audit", "--no-cache"],
    ["clean"],
    ["doctor"],
    ["health", "save"],
    ["imports", "check"],
    ["init", "--dry-run"],
    ["report", "html"],
    ["run"],
    ["run", "--list-categories"],
    ["status"],
    ["validate"],
]


def name(command: list[str]) -> str:
    """Return the name of a case."""
    return " ".join(command)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    (root / "tests/unit").mkdir(parents=True)
    (root / "tests/unit/test_it.py").write_text("def test_it():\n    assert len('a') == 1\n")
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n\n[tool.test_framework]\n')
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_interrupted(
    project: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the status that a shell gives what SIGINT has ended."""

    def load(*_: object) -> Settings:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it was interrupted")

    monkeypatch.setattr("test_framework.config.load", load)
    assert main(["--root", str(project), *command]) == 128 + signal.SIGINT
    assert capsys.readouterr() == ("", "test-framework: interrupted\n")
