"""Discovery: which files are test files, by the project's own settings of pytest, and what is left out and why."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from test_framework.audit import Audit, AuditOptions, audit
from test_framework.config import BadSetting, load
from test_framework.suite.module_finder import ModuleFinder
from test_framework.suite.pytest_settings import read_pytest_settings

if TYPE_CHECKING:
    from pathlib import Path

TEST = "def test_it():\n    assert 1 + 1 == 2\n"
UNCACHED = AuditOptions(cache=False)


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def audited(root: Path, files: dict[str, str], *paths: str) -> Audit:
    """Return the audit of a project that is these files."""
    write(root, files)
    return audit(root, [root / p for p in paths], load(root, {}), UNCACHED)


def counted(found: Audit) -> int:
    """Return how many test files were found."""
    assert sum(d.files for d in found.directories) == found.files
    return found.files


def left(found: Audit) -> dict[str, str]:
    """Return what was left out with its reason."""
    return {entry.path: entry.reason for entry in found.left_out}


def test_pytests_own_names_are_the_default(tmp_path: Path) -> None:
    """`test_*.py` and `*_test.py`, and nothing else."""
    found = audited(tmp_path, {"test_a.py": TEST, "b_test.py": TEST, "tests.py": TEST, "testing.py": TEST})
    assert counted(found) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\npython_files = check_*.py\n"),
        (".pytest.ini", "[pytest]\npython_files = check_*.py\n"),
        ("pytest.toml", '[pytest]\npython_files = ["check_*.py"]\n'),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = "check_*.py"\n'),
        ("pyproject.toml", '[tool.pytest]\npython_files = ["check_*.py"]\n'),
        ("tox.ini", "[pytest]\npython_files = check_*.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files = check_*.py\n"),
    ],
)
def test_each_file_of_settings_is_read(tmp_path: Path, name: str, text: str) -> None:
    """What pytest reads is what counts."""
    found = audited(tmp_path, {name: text, "check_a.py": TEST, "test_b.py": TEST})
    assert counted(found) == 1


def test_the_first_file_of_settings_wins(tmp_path: Path) -> None:
    """As in pytest: `pytest.ini` even when it is empty, before `pyproject.toml`."""
    write(tmp_path, {"pytest.ini": "", "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["a"]\n'})
    assert read_pytest_settings(tmp_path).file == str(tmp_path / "pytest.ini")
    (tmp_path / "pytest.ini").unlink()
    (tmp_path / "a").mkdir()
    assert read_pytest_settings(tmp_path).testpaths == (str(tmp_path / "a"),)


def test_settings_that_cannot_be_read_are_one_clear_error(tmp_path: Path) -> None:
    """It names the file."""
    write(tmp_path, {"pytest.toml": "[pytest\n"})
    with pytest.raises(BadSetting, match=r"pytest\.toml cannot be read"):
        read_pytest_settings(tmp_path)
    write(tmp_path, {"pytest.toml": f"x = {'[' * 3000}"})
    with pytest.raises(BadSetting, match=r"pytest\.toml cannot be read.*recursion"):
        read_pytest_settings(tmp_path)
    write(tmp_path, {"pytest.toml": '[pytest]\naddopts = ["--import-mode=none"]\n'})
    with pytest.raises(BadSetting, match=r"'none'.*prepend, append, importlib"):
        read_pytest_settings(tmp_path)


def test_options_are_read_from_addopts(tmp_path: Path) -> None:
    """With `=` and with a space."""
    text = "[pytest]\naddopts = --import-mode importlib -p plug -pother -p no:xdist --ignore=out --ignore-glob 'x*'\n"
    write(tmp_path, {"pytest.ini": text})
    found = read_pytest_settings(tmp_path)
    assert found.import_mode == "importlib"
    assert found.plugins == ("plug", "other")
    assert found.ignore == (str(tmp_path / "out"),)
    assert found.ignore_glob == (str(tmp_path / "x*"),)


def test_testpaths_and_arguments(tmp_path: Path) -> None:
    """Without arguments, what `testpaths` names; with arguments, these alone."""
    files = {"pytest.ini": "[pytest]\ntestpaths = one\n", "one/test_a.py": TEST, "two/test_b.py": TEST}
    assert counted(audited(tmp_path, files)) == 1
    assert counted(audited(tmp_path, files, "one", "two")) == 2
    assert counted(audited(tmp_path, files, "two/test_b.py")) == 1


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """An audit of nothing would be clean."""
    with pytest.raises(BadSetting, match="nowhere"):
        audited(tmp_path, {}, "nowhere")


def test_folders_that_pytest_does_not_enter(tmp_path: Path) -> None:
    """`norecursedirs` has a default, and can be replaced."""
    files = {"build/test_a.py": TEST, "deep/test_b.py": TEST}
    assert counted(audited(tmp_path, files)) == 1
    files["pytest.ini"] = "[pytest]\nnorecursedirs = deep\n"
    found = audited(tmp_path, files)
    assert [d.path for d in found.directories] == ["build"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("backup/test_a.py", "excluded by backup"),
        ("archive/test_a.py", "excluded by archive"),
        ("node_modules/x/test_a.py", "code of others"),
        ("environment/pyvenv.cfg", "a virtual environment"),
        ("test_it_backup_20250101.py", "a backup of test_it.py"),
        ("test_it.bak.py", "a backup of test_it.py"),
        (".#test_a.py", "temporary"),
    ],
)
def test_what_is_no_part_of_the_suite_is_left_out_and_told(tmp_path: Path, path: str, reason: str) -> None:
    """Nothing is left out silently."""
    found = audited(tmp_path, {"test_it.py": TEST, path: TEST})
    assert counted(found) == 1
    assert reason in left(found).values()


def test_what_looks_like_a_backup_stays(tmp_path: Path) -> None:
    """A test of backups beside no original, and a package of that name within another word."""
    found = audited(tmp_path, {"test_backup.py": TEST, "test_old.py": TEST, "backups_of_users/test_a.py": TEST})
    assert counted(found) == 3
    assert not left(found)


def test_the_patterns_can_be_replaced(tmp_path: Path) -> None:
    """By names, or by paths from the root."""
    toml = '[tool.test_framework.audit]\nexclude = ["old", "a/b"]\n'
    files = {"pyproject.toml": toml, "backup/test_a.py": TEST, "old/test_b.py": TEST, "a/b/test_c.py": TEST}
    found = audited(tmp_path, {**files, "b/test_d.py": TEST})
    assert [d.path for d in found.directories] == ["b", "backup"]
    assert left(found) == {"old": "excluded by old", "a/b": "excluded by a/b"}


def test_what_git_ignores_is_left_out(tmp_path: Path) -> None:
    """But for what was committed all the same, as in git."""
    write(tmp_path, {".gitignore": "made/\ntest_local.py\n", "made/test_a.py": TEST, "test_local.py": TEST})
    write(tmp_path, {"test_b.py": TEST, "sub/test_local.py": TEST})
    assert counted(audited(tmp_path, {})) == 4
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-f", "sub/test_local.py"], cwd=tmp_path, check=True)
    found = audited(tmp_path, {})
    assert counted(found) == 2
    assert left(found) == {"made": "ignored by git", "test_local.py": "ignored by git"}


def test_a_module_that_git_ignores_can_be_imported(tmp_path: Path) -> None:
    """Made files, such as the version, are there when pytest runs."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    files = {".gitignore": "_version.py\n", "app/__init__.py": "", "app/_version.py": "number = 1\n"}
    found = audited(tmp_path, {**files, "test_a.py": "from app._version import number\n" + TEST})
    assert not found.broken


def test_a_link_to_a_folder_above_is_no_endless_walk(tmp_path: Path) -> None:
    """It is left out, and told."""
    write(tmp_path, {"sub/test_a.py": TEST})
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    found = audited(tmp_path, {})
    assert counted(found) == 1
    assert "sub/again" in left(found)


@pytest.mark.parametrize(
    ("conftest", "files"),
    [
        ('collect_ignore = ["test_b.py"]\n', 1),
        ('collect_ignore = []\ncollect_ignore.append("test_b.py")\n', 1),
        ('collect_ignore_glob = ["*_b.py"]\n', 1),
        ('import sys\ncollect_ignore = []\nif sys.version_info < (3,):\n    collect_ignore += ["test_b.py"]\n', 2),
        ('collect_ignore = ["test_c.py"]\n', 2),
    ],
)
def test_what_a_conftest_ignores(tmp_path: Path, conftest: str, files: int) -> None:
    """Lists that are written out, and added to under conditions that can be judged."""
    found = audited(tmp_path, {"conftest.py": conftest, "test_a.py": TEST, "test_b.py": TEST})
    assert counted(found) == files


def test_tests_that_no_tier_selects(tmp_path: Path) -> None:
    """By the tiers of the project; not told where it has none."""
    files = {"tests/unit/test_a.py": TEST, "tests/other/test_b.py": TEST}
    assert audited(tmp_path, files).unreached == ()
    files["pyproject.toml"] = "[tool.test_framework.tiers.unit]\nnetwork = true\n"
    assert audited(tmp_path, files).unreached == ("tests/other/test_b.py",)
    files["pyproject.toml"] += '[tool.test_framework.tiers.other]\npaths = ["tests/other/test_b.py"]\n'
    assert audited(tmp_path, files).unreached == ()


def test_the_time_is_bounded_and_never_silently(tmp_path: Path) -> None:
    """What was not looked at is not called clean."""
    write(tmp_path, {f"test_{i}.py": TEST for i in range(20)})
    found = audit(tmp_path, [], load(tmp_path, {}), AuditOptions(cache=False, timeout=1e-9))
    assert not found.complete
    assert audit(tmp_path, [], load(tmp_path, {}), AuditOptions(cache=False, timeout=60)).complete


def test_a_compiled_module_is_found_and_not_looked_into(tmp_path: Path) -> None:
    """So is one that is only there as its source in C; a text file is no module."""
    write(tmp_path, {"_fast.cpython-311-x86_64-linux-gnu.so": "", "_other.pyx": "", "notes.txt": ""})
    finder = ModuleFinder()
    built = finder.find("_other", [str(tmp_path)])
    assert built is not None
    assert built.opaque
    assert finder.find("notes", [str(tmp_path)]) is None
