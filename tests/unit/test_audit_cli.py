"""The command line of the audit: what it writes where, and how it exits."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "def test_it():\n    assert 1 + 1 == 2\n"
SICK = {
    "max_broken": {"tests/unit/test_a.py": f"import package_that_nobody_has\n{GOOD}"},
    "max_empty": {"tests/unit/test_a.py": "X = 1\n"},
    "max_unreached": {"tests/unit/test_a.py": GOOD, "tests/elsewhere/test_b.py": GOOD},
    "max_quality": {"tests/unit/test_a.py": "def test_it():\n    print(1)\n"},
    "max_imports": {"tests/unit/test_a.py": f"import pickle\n{GOOD}"},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project with settings, which is the current folder; nothing says that this is GitHub."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    settle(root)
    return root


def settle(root: Path, line: str = "") -> None:
    """Write the settings."""
    toml = f'[tool.test_framework.audit]\nmoved = {{ pickle = "marshal" }}\n{line}\n[tool.test_framework.tiers.unit]\n'
    (root / "pyproject.toml").write_text(f'{toml}paths = ["tests/unit"]\n', encoding="utf-8")


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_clean_is_0(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so."""
    write(project, {"tests/unit/test_a.py": GOOD})
    assert main(["audit"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "clean"


@pytest.mark.parametrize("setting", SICK)
def test_each_threshold_makes_it_1(project: Path, capsys: pytest.CaptureFixture[str], setting: str) -> None:
    """One finding is too much, unless the settings allow one."""
    write(project, SICK[setting])
    assert main(["audit"]) == 1
    assert ", 0 allowed" in capsys.readouterr().out
    settle(project, f"{setting} = 1")
    assert main(["audit"]) == 0
    assert "within the thresholds" in capsys.readouterr().out


def test_an_audit_that_is_not_complete_is_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody can say that what was not looked at is clean."""
    write(project, {f"tests/unit/test_{n}.py": GOOD for n in range(20)})
    assert main(["audit", "--collection-timeout", "0.000001"]) == 1
    assert "NOT COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere"),
        (["--root", "nowhere"], "nowhere"),
        (["--collection-timeout", "-1"], "-1"),
        (["--collection-timeout", "nan"], "nan"),
        (["--collection-timeout", "1e12"], "from 0 to 2147483"),
        (["--explain", "no-asertion"], "Did you mean 'no-assertion'?"),
        (["--json", "-", "--sarif", "-"], "both"),
        (["--json", "no/such/folder/x"], "no/such/folder/x"),
        (["--sarif", "no/such/folder/x"], "no/such/folder/x"),
        (["--changed"], "--changed"),
        (["--changed", "nowhere.py"], "nowhere.py"),
        (["--python", "no-such-python"], "no-such-python"),
    ],
)
def test_misuse_is_2(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    """With one line that names what was wrong."""
    write(project, {"tests/unit/test_a.py": GOOD})
    assert main(["audit", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--installed", "--declared"], ["--unknown"], ["--collection-timeout", "soon"]])
def test_options_that_make_no_sense_are_2(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """As argparse says it."""
    write(project, {"tests/unit/test_a.py": GOOD})
    with pytest.raises(SystemExit) as caught:
        main(["audit", *arguments])
    assert caught.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_explain_says_it_and_audits_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever state the project is in."""
    write(project, SICK["max_broken"])
    assert main(["audit", "--explain", "missing-dependency"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("missing-dependency: ")
    assert "test files" not in out


def test_files_hold_all_findings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and SARIF go to files, beside the summary."""
    write(project, SICK["max_broken"])
    assert main(["audit", "--json", "a.json", "--sarif", "a.sarif"]) == 1
    assert "package_that_nobody_has" in capsys.readouterr().out
    told = json.loads((project / "a.json").read_text(encoding="utf-8"))
    assert [cause["target"] for cause in told["causes"]] == ["package_that_nobody_has"]
    log = json.loads((project / "a.sarif").read_text(encoding="utf-8"))
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["missing-dependency"]


@pytest.mark.parametrize("option", ["--json", "--sarif"])
def test_the_output_is_for_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """With `-` it is JSON and nothing else: annotations that somebody wants all the same go beside it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write(project, SICK["max_broken"])
    assert main(["audit", option, "-"]) == 1
    out, error = capsys.readouterr()
    assert json.loads(out)
    assert error == ""
    assert main(["audit", option, "-", "--annotations"]) == 1
    out, error = capsys.readouterr()
    assert json.loads(out)
    assert error.startswith("::error ")


@pytest.mark.parametrize(
    ("github", "arguments", "at"),
    [("true", [], -1), ("", [], None), ("true", ["--no-annotations"], None), ("", ["--annotations"], -1)],
)
def test_annotations_are_for_github(
    project: Path, monkeypatch: pytest.MonkeyPatch, github: str, arguments: list[str], at: int | None
) -> None:
    """By themselves where it runs, or as somebody says; they come after the summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", github)
    write(project, SICK["max_broken"])
    with redirect_stdout(io.StringIO()) as out:
        assert main(["audit", *arguments]) == 1
    lines = out.getvalue().splitlines()
    found = [n - len(lines) for n, line in enumerate(lines) if line.startswith("::error file=tests/unit/test_a.py,")]
    assert found == ([] if at is None else [at])


def test_a_change_is_judged_by_itself(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sick suite that the thresholds allow lets nobody make it worse, and blames nobody for what others broke."""
    settle(project, "max_broken = 9\nmax_quality = 9")
    write(project, {**SICK["max_broken"], "shop.py": "X = 1\n", "tests/unit/test_b.py": f"from shop import X\n{GOOD}"})
    assert main(["audit"]) == 0
    assert main(["audit", "--changed", "shop.py", "tests/unit/test_b.py"]) == 0
    assert main(["audit", "--changed", "tests/unit/test_a.py"]) == 1
    write(project, {"shop.py": "Y = 1\n"})
    capsys.readouterr()
    assert main(["audit", "--changed", "shop.py"]) == 1
    out = capsys.readouterr().out
    assert "missing-name shop.X" in out
    assert "package_that_nobody_has" not in out


@pytest.mark.needs("terminals")
def test_a_terminal_has_colour_and_progress(project: Path) -> None:
    """And a pipe has neither: the line that changes goes to the terminal's error stream and is taken away."""
    write(project, {f"tests/unit/test_{n}.py": GOOD for n in range(3)})
    command = [sys.executable, "-m", "test_framework", "audit", "--no-cache"]
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    screen, terminal = pty.openpty()
    try:
        subprocess.run(command, stdout=terminal, stderr=terminal, check=True, env=env, timeout=60)
        shown = os.read(screen, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(screen)
    assert "files read" in shown
    assert "\x1b[32mclean" in shown
    piped = subprocess.run(command, capture_output=True, check=True, env=env, timeout=60, text=True)
    assert "\x1b" not in piped.stdout
    assert piped.stderr == ""
