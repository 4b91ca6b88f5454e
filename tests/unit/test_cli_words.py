"""The words of the command line: what may have been meant, help without a command, and completion in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import COMMANDS, main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that cannot be understood; return what it says."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    return errors


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["auditt"], "audit"),
        (["report", "merg"], "merge"),
        (["run", "--categroy", "unit"], "--category"),
        (["doctor", "--requre=unit"], "--require"),
        (["exec", "--servce", "redis", "--", "true"], "--service"),
        (["run", "--environment", "stagin"], "staging"),
    ],
    ids=" ".join,
)
def test_what_may_have_been_meant(words: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest command, option or choice is named."""
    assert refused(words, capsys).endswith(f". Did you mean {meant!r}?\n")


def test_nothing_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is guessed then; the choices are there all the same."""
    told = refused(["quux"], capsys)
    assert "Did you mean" not in told
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize("words", [[], ["health"], ["report"], ["imports"]], ids=" ".join)
def test_without_a_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The help says which there are."""
    told = refused(words, capsys)
    assert "positional arguments:" in told
    assert "error:" not in told


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each help ends with one, and its options are the command's."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told, _, example = capsys.readouterr().out.partition("\nexample: ")
    words = " ".join(example.split()).removeprefix(f"test-framework {command}").partition(" -- ")[0].split()
    assert example.startswith("test-framework ")
    if command not in ("health", "report", "imports", "servers"):
        assert [word for word in words if word.startswith("--") and word not in told] == []


def test_the_help_names_what_can_be_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads it need not make a mistake to learn the names."""
    with pytest.raises(SystemExit):
        main(["stand-in", "--help"])
    assert "database-down" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["exec"], ["exec", "--"]], ids=" ".join)
def test_no_command_to_run(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is missing, and how it is given."""
    assert main(["--root", str(tmp_path), *words]) == 2
    assert "exec needs a command after --" in capsys.readouterr().err


def completed(line: str, folder: Path) -> set[str]:
    """Return how a shell may complete the last word of a line, as argcomplete has it asked."""
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
    answer = folder / "answer"
    subprocess.run(
        [sys.executable, "-m", "test_framework"],
        cwd=folder,
        env=os.environ | asked | {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return {word.strip() for word in answer.read_text().split("\n")}


@pytest.mark.usefixtures("bare_env")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("test-framework aud", {"audit"}),
        ("test-framework run --cat", {"--category", "--categories"}),
        ("test-framework run --category smo", {"smoke", "smokers"}),
        ("test-framework doctor --require smok", {"smoke", "smokers"}),
        ("test-framework run --execution-mode night", {"nightly"}),
        ("test-framework exec --service red", {"redis"}),
        ("test-framework stand-in --broken data", {"database-down"}),
        ("test-framework health ch", {"check"}),
    ],
)
def test_completion(tmp_path: Path, line: str, words: set[str]) -> None:
    """Commands, their options, and what the project's own settings name."""
    pytest.importorskip("argcomplete")
    (tmp_path / "pyproject.toml").write_text('[tool.test_framework.tiers.smokers]\npaths = ["tests/smokers"]\n')
    assert completed(line, tmp_path) == words


def test_completion_where_the_settings_are_wrong(tmp_path: Path) -> None:
    """Nothing is completed, and nothing is printed into the line of whoever types."""
    pytest.importorskip("argcomplete")
    (tmp_path / "pyproject.toml").write_text("[tool.test_framework]\nno-such-key = 1\n")
    assert completed("test-framework run --category smo", tmp_path) == {""}


def test_a_misspelt_fixture(project: Project) -> None:
    """The fixture of ours that is near is named below pytest's own message."""
    project.write("tests/unit/test_it.py", "def test_it(postgress_db): ...\n")
    project.run("tests/unit").stdout.fnmatch_lines(
        ["E *fixture 'postgress_db' not found", "Did you mean 'postgres_db'[?]"]
    )
