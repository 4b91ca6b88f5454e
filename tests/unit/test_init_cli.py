"""`init` on the command line: what it asks, what it writes, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.atomic import replace_file
from tests.support.adoption import LIBRARY, files, init, make
from tests.support.needs import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = "tests/integration/test_services.py"
SECOND = "tests/smoke/test_answers.py"
ALL = {"noxfile.py", "pyproject.toml", "tasks.py", FIRST, SECOND}

pytestmark = pytest.mark.usefixtures("bare_env")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return the folder of a project of ten lines."""
    return make(tmp_path / "library", LIBRARY)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Return what types on a terminal."""
    need("terminals")
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield lambda text: os.write(ours, text.encode())
    os.close(ours)


def changed(root: Path, before: dict[str, bytes]) -> set[str]:
    """Return the files that are not as they were."""
    return {name for name, content in files(root).items() if before.get(name) != content}


def git(root: Path, *arguments: str) -> str:
    """Run git, as somebody."""
    somebody = ("-c", "user.name=Ursula", "-c", "user.email=ursula@example.org")
    return subprocess.run(["git", *somebody, *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def test_nobody_to_ask(library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without --yes nothing is written, and that is an error."""
    before = files(library)
    with open(os.devnull) as nothing:  # noqa: PTH123  # a device
        monkeypatch.setattr(sys, "stdin", nothing)
        assert init(library) == 2
    out, told = capsys.readouterr()
    assert "nothing was written: nobody can be asked here. --yes writes all, --dry-run only shows it." in told
    assert f"+++ b/{FIRST}" in out
    assert files(library) == before


def test_the_dry_run_is_a_patch(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written, and what is printed makes of the project what --yes makes of it."""
    git(library, "init")
    before = files(library)
    assert init(library, "--dry-run") == 0
    patch, told = capsys.readouterr()
    assert told.endswith("6 files would be written; nothing was\n")
    assert files(library) == before
    (tmp_path / "patch").write_text(patch)
    git(library, "apply", "../patch")
    by_patch = files(library)
    other = make(tmp_path / "other" / "library", LIBRARY)
    git(other, "init")
    assert init(other, "--yes") == 0
    assert files(other) == by_patch
    assert by_patch.keys() == LIBRARY.keys() | ALL | {".gitignore"}


def test_the_patch_of_a_file_in_another_encoding(library: Path) -> None:
    """It holds the lines of the file as they are, so that git can apply it."""
    git(library, "init")
    (library / "noxfile.py").write_bytes("# -*- coding: latin-1 -*-\n# caf\xe9\nimport nox\n".encode("latin-1"))
    command = [sys.executable, "-m", "test_framework", "init", "--dry-run"]
    patch = subprocess.run(command, cwd=library, capture_output=True, check=True, timeout=60).stdout
    apply = ["git", "apply", "--check", "-"]
    assert subprocess.run(apply, cwd=library, input=patch, check=False, timeout=60).returncode == 0
    assert b"caf\xe9" in patch


@pytest.mark.parametrize(
    ("answers", "written"),
    [
        ("y\ny\ny\ny\ny\n", ALL),
        ("a\n", ALL),
        ("y\na\n", ALL),
        ("y\nn\nn\ny\nn\n", {"pyproject.toml", FIRST}),
        ("y\n\nwhat\n?\nY\nq\n", {"pyproject.toml", "noxfile.py"}),
        ("q\n", set()),
        ("y\n\x04", {"pyproject.toml"}),
        ("n\n", set()),
    ],
)
def test_a_person_is_asked(
    library: Path, person: Callable[[str], int], answers: str, written: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """File by file, each with its diff; what relies on the settings is left out with them."""
    before = files(library)
    person(answers)
    assert init(library) == 0
    assert changed(library, before) == written
    out, told = capsys.readouterr()
    assert told.count("wrote ") == len(written)
    assert ("nothing was written" in told) == (not written)
    assert told.count("relies on pyproject.toml") == (4 if answers == "n\n" else 0)
    asked = told.count("[y,n,a,q,?]? ")
    assert asked == answers.count("\n") + answers.count("\x04")
    assert out.count("+++ b/") == asked - (3 if "what" in answers else 0)
    assert told.count("q - leave this and all that follow") == (3 if "what" in answers else 0)


def test_the_rest_another_time(library: Path, person: Callable[[str], int]) -> None:
    """What was left is planned again, and nothing else."""
    person("y\nn\nn\ny\nn\n")
    assert init(library) == 0
    before = files(library)
    assert init(library, "--yes") == 0
    assert changed(library, before) == {"noxfile.py", "tasks.py", SECOND}


@pytest.mark.parametrize("at", range(1, 6))
def test_interrupted_between_files(
    library: Path, tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file is there by half, and the next run writes the rest."""
    wrote: list[str] = []

    def interrupted(path: Path, data: bytes, *, mode: int | None) -> None:
        if len(wrote) + 1 == at:
            raise KeyboardInterrupt
        wrote.append(str(path))
        replace_file(path, data, mode=mode)

    monkeypatch.setattr("test_framework.adopt.writing.replace_file", interrupted)
    before = files(library)
    assert init(library, "--yes") == 130
    assert "interrupted" in capsys.readouterr().err
    assert {str(library / name) for name in changed(library, before)} == set(wrote)
    assert len(wrote) == at - 1
    monkeypatch.undo()
    assert init(library, "--yes") == 0
    other = make(tmp_path / "other", LIBRARY)
    assert init(other, "--yes") == 0
    assert files(library) == files(other)


def test_changed_meanwhile(library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody writes while a person thinks is not overwritten."""

    def beside(path: Path, data: bytes, *, mode: int | None) -> None:
        replace_file(path, data, mode=mode)
        (library / "noxfile.py").write_text("# mine\n")

    monkeypatch.setattr("test_framework.adopt.writing.replace_file", beside)
    assert init(library, "--yes") == 1
    assert "noxfile.py is left as it is: somebody else has changed it meanwhile. init" in capsys.readouterr().err
    assert (library / "noxfile.py").read_text() == "# mine\n"


def test_what_git_does_not_have(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with changes that nobody could get back is named, before anything is asked."""
    git(library, "init")
    git(library, "add", ".")
    git(library, "commit", "-m", "ten lines")
    assert init(library, "--dry-run") == 0
    assert "git could not" not in capsys.readouterr().err
    (library / "pyproject.toml").write_text(LIBRARY["pyproject.toml"] + "# mine\n")
    assert init(library, "--dry-run") == 0
    told = "git could not give back pyproject.toml as it is: it has changes that git does not have\n"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("ignored", "lines"), [("build/\n", "build/\n"), ("*.pyc", "*.pyc\nbuild/reports/\n")])
def test_reports_are_no_part_of_the_repository(library: Path, ignored: str, lines: str) -> None:
    """The folder is added to what git ignores, unless it is."""
    git(library, "init")
    make(library, {".gitignore": ignored})
    assert init(library, "--yes") == 0
    assert (library / ".gitignore").read_text() == lines


@pytest.mark.parametrize(
    ("reports", "there", "lines"),
    [
        ("./out", None, "out/\n"),
        ("build/../out/", "!out/\n", "!out/\nout/\n"),
        ("out", "out/\n!out/\n", "out/\n!out/\n"),
        ("out/deep", "out/\n", "out/\n"),
        (".out", "*.pyc", "*.pyc\n.out/\n"),
        ("../out", None, None),
        (".", None, None),
    ],
)
def test_they_are_ignored_once(library: Path, reports: str, there: str | None, lines: str | None) -> None:
    """However the folder is written, whatever git has of it, and however often `init` runs."""
    git(library, "init")
    settings = f'{LIBRARY["pyproject.toml"]}\n[tool.test_framework]\nreports = "{reports}"\n'
    tracked = dict.fromkeys(("out/unit.json", "out/deep/unit.json"), "{}")
    make(library, {"pyproject.toml": settings} | tracked | ({".gitignore": there} if there else {}))
    git(library, "add", "--force", ".")
    ignored = library / ".gitignore"
    for _ in range(2):
        assert init(library, "--yes") == 0
        assert (ignored.read_text() if ignored.exists() else None) == lines


def test_from_a_folder_below(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The project is the nearest one above."""
    assert init(library / "tests", "--yes") == 0
    assert f"project: {library}\n" in capsys.readouterr().err
    assert (library / FIRST).is_file()


def test_links(library: Path, tmp_path: Path) -> None:
    """What a link in the project leads to is changed, and the link stays."""
    (library / "conf").mkdir()
    (library / "pyproject.toml").rename(library / "conf/settings.toml")
    (library / "pyproject.toml").symlink_to("conf/settings.toml")
    mode = (library / "conf/settings.toml").stat().st_mode
    assert init(library, "--yes") == 0
    assert (library / "pyproject.toml").is_symlink()
    assert "[dependency-groups]" in (library / "conf/settings.toml").read_text()
    assert (library / "conf/settings.toml").stat().st_mode == mode
    assert list(tmp_path.rglob(".imports-*")) == []


def unreadable(root: Path) -> None:
    """Let a file that has to be read lead to one that nobody can read, whatever his rights."""
    (root / "requirements.txt").symlink_to("/proc/self/mem")


def out_of_the_project(root: Path) -> None:
    """Let a folder of tests lead to another place."""
    (root.parent / "elsewhere").mkdir()
    (root / "tests/integration").symlink_to(root.parent / "elsewhere")


def to_nothing(root: Path) -> None:
    """Put a link where the noxfile is to be."""
    (root / "noxfile.py").symlink_to("nothing.py")


def read_only(root: Path) -> None:
    """Take the right to write the settings."""
    (root / "pyproject.toml").chmod(0o444)


def a_folder(root: Path) -> None:
    """Put a folder where the noxfile is to be."""
    (root / "noxfile.py").mkdir()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (out_of_the_project, f"{FIRST} leads to "),
        (to_nothing, "noxfile.py is a link to "),
        (read_only, "pyproject.toml is read-only, and it is to be changed: make it writable, or add by hand.\n"),
        pytest.param(
            unreadable,
            "requirements.txt cannot be read: Input/output error.\n",
            marks=pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="/proc is Linux's"),
        ),
        (a_folder, "noxfile.py cannot be read: Is a directory.\n"),
    ],
)
def test_files_that_cannot_be(
    library: Path, how: Callable[[Path], None], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One error, with nothing written."""
    how(library)
    before = set(library.rglob("*"))
    assert init(library, "--yes") == 2
    assert f"test-framework: {told}" in capsys.readouterr().err
    assert set(library.rglob("*")) == before
    assert (library / "pyproject.toml").read_text() == LIBRARY["pyproject.toml"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[project\n", "pyproject.toml cannot be read: "),
        ("[tool.test_framework]\nreport = 3\n", "unknown key 'report' in pyproject.toml [tool.test_framework]."),
        ("project = 3\n", "project = 3 in pyproject.toml must be a table.\n"),
        ("[dependency-groups]\ntest = 3\n", "dependency-groups.test = 3 in pyproject.toml must be a list.\n"),
        ('[project]\ndependencies = "redis"\n', "project.dependencies = 'redis' in pyproject.toml must be a list.\n"),
        ("[tool.poetry.group]\ntest = 3\n", "tool.poetry.group.test = 3 in pyproject.toml must be a table.\n"),
    ],
)
def test_settings_that_cannot_be(library: Path, settings: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One error that names the file and the value, or the line."""
    make(library, {"pyproject.toml": settings})
    before = files(library)
    assert init(library, "--yes") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"test-framework: {told}")
    assert ("line 1" in error) == (settings == "[project\n")
    assert files(library) == before


def test_options_that_cannot_be(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse exits 2 and names the option."""
    for options, told in ((["--yes", "--dry-run"], "not allowed with"), (["--all"], "unrecognized arguments: --all")):
        with pytest.raises(SystemExit, match="2"):
            init(library, *options)
        assert told in capsys.readouterr().err
    assert init(tmp_path / "nowhere", "--yes") == 2
    assert "nowhere' in the command line must be a folder" in capsys.readouterr().err
