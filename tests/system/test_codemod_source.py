"""The codemod on a real project, this one: modules are renamed at random, and tests are collected as before."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test_framework.cli import main

pytest.importorskip("libcst")

ROOT = Path(__file__).parents[2]
MODULES, TESTS, SEED = 25, 15, 2
_IMPORTED = re.compile(r"^from (tests\.\w+\.test_\w+) import", re.M)
# What is found by the name of its file, and what other files than Python's name.
_BY_NAME = ("services/", "providers/", "cli/", "plugin/__init__", "supervisor/__main__")


def collected(root: Path) -> list[str]:
    """Return the ids of the tests that pytest finds; where it cannot collect all of them, its last words."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=250)
    return re.findall(r"^tests/\S+::.*$", told.stdout, re.M) if told.returncode == 0 else told.stdout.splitlines()[-20:]


def thinned(root: Path) -> None:
    """Leave some of the test files, since to collect and to rewrite all of them shows no more."""
    found = sorted(p for p in (root / "tests").rglob("test_*.py") if p.name != Path(__file__).name)
    kept = random.Random(SEED).sample(found, TESTS)  # noqa: S311  # no secret
    # Some share what another one has.
    kept += [root / f"{name.replace('.', '/')}.py" for path in kept for name in _IMPORTED.findall(path.read_text())]
    for path in set(found) - set(kept):
        path.unlink()


def renamed(root: Path) -> dict[str, str]:
    """Rename some modules, and return the moves."""
    folder = root / "test_framework"
    files = [p for p in sorted(folder.rglob("*.py")) if p.stem not in ("__init__", "__main__")]
    files += sorted((root / "tests/support").glob("*.py"))
    files = [p for p in files if not any(part in p.relative_to(root).as_posix() for part in _BY_NAME)]
    moves = {}
    for path in random.Random(SEED).sample(files, MODULES):  # noqa: S311  # no secret
        new = path.with_name(f"{path.stem}_moved.py")
        path.rename(new)
        names = [p.relative_to(root).with_suffix("").as_posix().replace("/", ".") for p in (path, new)]
        moves[names[0]] = names[1]
    return moves


@pytest.mark.timeout(900)
def test_renamed_modules_are_found_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collection fails with the modules renamed, and is as it was after the fix."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    ignored = shutil.ignore_patterns("__pycache__", ".*", "reports")
    for name in ("test_framework", "tests", "docs", "compose"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "noxfile.py", "tasks.py", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    thinned(tmp_path)
    before = set(collected(tmp_path))
    assert f"tests/system/{Path(__file__).name}::test_renamed_modules_are_found_again" in before
    moves = renamed(tmp_path)
    assert set(collected(tmp_path)) != before
    arguments = [part for old, new in moves.items() for part in ("--move", f"{old}={new}")]
    assert main(["--root", str(tmp_path), "imports", "fix", "--apply", *arguments]) == 0
    assert set(collected(tmp_path)) ^ before == set()
    assert main(["--root", str(tmp_path), "imports", "fix", *arguments]) == 0
