"""What all commands have in common: how they end when they are interrupted, and what none of them can do without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main

if TYPE_CHECKING:
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
    ["servers"],
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


@pytest.mark.parametrize("command", COMMANDS, ids=name)
@pytest.mark.parametrize("kind", ["missing", "file", "circle"])
def test_a_root_that_is_no_folder(
    tmp_path: Path, command: list[str], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused by name, and nothing is made there."""
    root = tmp_path / kind
    if kind == "file":
        root.write_text("")
    if kind == "circle":
        root.symlink_to(root)
    before = sorted(tmp_path.iterdir())
    assert main(["--root", str(root), *command]) == 2
    told = f"test-framework: --root = '{root}' in the command line must be a folder.\n"
    assert capsys.readouterr() == ("", told)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_a_working_directory_that_is_gone(tmp_path: Path, command: list[str]) -> None:
    """One line says so."""
    gone = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    start = f"{gone}; from test_framework.cli import main; sys.exit(main({command}))"
    words = [sys.executable, "-P", "-c", start]
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = "test-framework: the project's folder cannot be found because the working directory no longer exists.\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", told)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        pytest.param(
            ">/dev/full",
            "No space left on device",
            marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's"),
        ),
        (">&-", "Bad file descriptor"),
    ],
)
@pytest.mark.parametrize(
    ("command", "unbuffered"),
    # What has nothing to stop says nothing.
    [*((c, "") for c in COMMANDS if c != ["clean"]), (["status"], "1"), (["report", "html"], "1")],
)
def test_an_output_that_cannot_be_written(
    project: Path, command: list[str], output: str, why: str, unbuffered: str
) -> None:
    """One line says why; what a command says beside its output is as ever."""
    words = [sys.executable, "-m", "test_framework", "--root", str(project), *command]
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    shell = ["sh", "-c", f'exec "$@" {output}', "-", *words]
    result = subprocess.run(shell, cwd=project, env=env, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert result.returncode == 2
    assert result.stderr.endswith(f"test-framework: the output cannot be written: {why}.\n")
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1 or command[0] == "init"


def test_without_a_place_for_errors(project: Path) -> None:
    """A command whose standard error is closed says what it has to say."""
    words = ["sh", "-c", 'exec "$@" 2>&-', "-", sys.executable, "-m", "test_framework", "audit", "--no-cache"]
    result = subprocess.run(words, cwd=project, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (result.returncode, "1 test file" in result.stdout) == (0, True)
