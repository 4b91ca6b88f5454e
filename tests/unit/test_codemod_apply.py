"""`imports fix` on whole projects: batches, the audit of each, what is taken back, the patch, what is left."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.audit import audit
from test_framework.audit.moves import Moves
from test_framework.cli import main
from test_framework.config import load

fixing = pytest.importorskip("test_framework.audit.codemod.project_rewriting", exc_type=ModuleNotFoundError)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOVED = '[tool.test_framework.audit.moved]\n"app.old" = "app.new"\n"app.odd.Thing" = "app.things.Thing"\n'
PROJECT = {
    "pyproject.toml": MOVED,
    "app/__init__.py": "",
    "app/new.py": "def run(): return 1\n",
    "app/things.py": "class Thing: pass\n",
    "app/use.py": "from .old import run\n",
    "tests/test_a.py": "from app.old import run\n\ndef test_a():\n    assert run()\n",
    "tests/test_b.py": "import app.old\n\ndef test_b():\n    assert app.old.run()\n",
    "tests/test_c.py": "from app.use import run\n\ndef test_c():\n    assert run()\n",
    "tests/test_d.py": "def test_d():\n    assert True is not None\n",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("TEST_FRAMEWORK_REPORTS", raising=False)


def project(root: Path, files: Mapping[str, str] = PROJECT) -> Path:
    """Write a project."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Return the Python files of a project."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.py"))}


def fix(root: Path, *arguments: str) -> int:
    """Run the command."""
    return main(["--root", str(root), "imports", "fix", *arguments])


def git(root: Path, *arguments: str) -> str:
    """Run git in a project."""
    command = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def committed(root: Path) -> Path:
    """Make a repository of a project."""
    (root / ".gitignore").write_text("reports/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


def broken(root: Path) -> list[str]:
    """Return the test files that pytest could not import."""
    return [b.path for b in audit(root, [], load(root, {})).broken]


def test_a_dry_run_shows_a_diff_and_writes_nothing(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """What it shows is what git applies."""
    before = contents(committed(project(tmp_path)))
    assert fix(tmp_path) == 1
    shown = capfdbinary.readouterr().out
    assert contents(tmp_path) == before
    assert b"-from app.old import run\n+from app.new import run\n" in shown
    patch = tmp_path / "shown.patch"
    patch.write_bytes(shown)
    git(tmp_path, "apply", "shown.patch")
    assert b"app.old" not in b"".join(contents(tmp_path).values())


def test_applied_the_suite_is_whole_and_a_second_run_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three broken test files before, none after; pytest says so too."""
    project(tmp_path)
    assert broken(tmp_path) == ["tests/test_a.py", "tests/test_b.py", "tests/test_c.py"]
    assert fix(tmp_path, "--apply") == 0
    assert broken(tmp_path) == []
    after = contents(tmp_path)
    assert after["app/use.py"] == b"from .new import run\n"
    assert after["tests/test_b.py"] == b"import app.new\n\ndef test_b():\n    assert app.new.run()\n"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "4 passed" in told.stdout
    capsys.readouterr()
    assert fix(tmp_path, "--apply") == 0
    assert contents(tmp_path) == after
    assert "0 of 8 files rewritten" in capsys.readouterr().out


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(["git", "apply"], marks=pytest.mark.needs("git"), id="git"),
        pytest.param(["patch", "-p1", "-s", "-i"], marks=pytest.mark.needs("patch"), id="patch"),
    ],
)
def test_the_patch_takes_all_back(tmp_path: Path, tool: list[str]) -> None:
    """Also without a last line end, with those of Windows, in another encoding, with a blank in the file's name."""
    project(tmp_path)
    odd = {
        "app/no_end.py": b"import app.old",
        "app/windows.py": b"import app.old\r\nx = 1\r\n",
        "app/latin.py": b"# coding: latin-1\nimport app.old  # \xe9\n",
        "app/mark.py": b"\xef\xbb\xbfimport app.old\n",
        "app/with blank.py": b"import app.old\n\x0c\nx = '\x0b'\n",
    }
    for name, data in odd.items():
        (tmp_path / name).write_bytes(data)
    before = contents(tmp_path)
    assert fix(tmp_path, "--apply") == 0
    after = contents(tmp_path)
    assert {n for n in before if before[n] != after[n]} == {*odd, "app/use.py", "tests/test_a.py", "tests/test_b.py"}
    assert {n: after[n] for n in odd} == {n: d.replace(b"app.old", b"app.new") for n, d in odd.items()}
    subprocess.run([*tool, "reports/imports-undo.patch"], cwd=tmp_path, check=True)
    assert contents(tmp_path) == before


def test_a_second_patch_does_not_replace_the_first(tmp_path: Path) -> None:
    """Both are needed to take both runs back."""
    project(tmp_path)
    assert fix(tmp_path, "--apply", "app") == 0
    assert fix(tmp_path, "--apply") == 0
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == ["imports-undo-2.patch", "imports-undo.patch"]


def test_the_mode_stays(tmp_path: Path) -> None:
    """A program stays one."""
    script = project(tmp_path) / "app/use.py"
    script.chmod(0o750)
    assert fix(tmp_path, "--apply") == 0
    assert stat.S_IMODE(script.stat().st_mode) == 0o750
    assert list(tmp_path.rglob(".imports-*")) == []


def test_a_batch_that_breaks_something_is_taken_back_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file beside it in the batch too; the next batch goes on."""
    files = {
        "pyproject.toml": '[tool.test_framework.audit.moved]\n"app.good" = "app.better"\n"app.sound" = "app.nowhere"\n',
        "app/__init__.py": "",
        "app/better.py": "x = 1\n",
        "app/good.py": "x = 1\n",
        "app/sound.py": "y = 1\n",
        "tests/test_1.py": "from app.good import x\n",
        "tests/test_2.py": "from app.sound import y\n",
        "tests/test_3.py": "from app.good import x\n",
    }
    before = contents(project(tmp_path, files))
    assert fix(tmp_path, "--apply", "--batch", "2") == 1
    after = contents(tmp_path)
    assert {n for n in before if before[n] != after[n]} == {"tests/test_3.py"}
    told = capsys.readouterr().out
    assert "reverted 2 files: tests/test_1.py, tests/test_2.py\n  tests/test_2.py cannot be imported" in told
    assert "1 of 7 files rewritten, 2 reverted" in told
    assert broken(tmp_path) == []
    subprocess.run(["git", "apply", "reports/imports-undo.patch"], cwd=tmp_path, check=True)
    assert contents(tmp_path) == before


def test_a_file_that_cannot_be_parsed_is_left_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are rewritten."""
    files = {"app/sick.py": "from app.old import run\ndef f(:\n", "app/bytes.py": "import app.old\n"}
    project(tmp_path, {**PROJECT, **files})
    (tmp_path / "app/bytes.py").write_bytes(b"import app.old\nx = '\xff'\n")
    assert fix(tmp_path, "--apply") == 1
    told = capsys.readouterr().err
    assert "not changed: app/sick.py: line 2: " in told
    assert "not changed: app/bytes.py: line 2: " in told
    assert (tmp_path / "app/sick.py").read_text() == files["app/sick.py"]
    assert "app.new" in (tmp_path / "tests/test_a.py").read_text()


def test_files_that_git_could_not_give_back_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed, or unknown to git; what is staged can be had back. `--allow-dirty` writes them all the same."""
    root = committed(project(tmp_path))
    (root / "tests/test_a.py").write_text(PROJECT["tests/test_a.py"] + "# mine\n")
    (root / "tests/test_e.py").write_text("import app.old\n")
    (root / "tests/test_b.py").write_text(PROJECT["tests/test_b.py"] + "# staged\n")
    git(root, "add", "tests/test_b.py")
    assert fix(root, "--apply") == 1
    told = capsys.readouterr().err
    assert "not changed: tests/test_a.py: it has changes that git does not have" in told
    assert "not changed: tests/test_e.py: git does not know it" in told
    assert [n for n, d in contents(root).items() if b"app.old" in d] == ["tests/test_a.py", "tests/test_e.py"]
    assert fix(root, "--apply", "--allow-dirty") == 0
    assert [n for n, d in contents(root).items() if b"app.old" in d] == []


def test_nothing_outside_of_the_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path is refused, a link is left: what it leads to is somebody else's."""
    root = project(tmp_path / "project")
    outside = tmp_path / "outside.py"
    outside.write_text("import app.old\n")
    assert fix(root, "--apply", str(outside)) == 2
    (root / "app/link.py").symlink_to(outside)
    assert fix(root, "--apply") == 1
    assert "not changed: app/link.py: it is a link" in capsys.readouterr().err
    assert outside.read_text() == "import app.old\n"
    assert (root / "app/link.py").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--move", "x"], "--move = 'x'"),
        (["--move", "x y=z"], "'z' in --move"),
        (["nowhere"], "'nowhere'"),
        (["--batch", "0"], "--batch"),
    ],
)
def test_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    """One line that names what was given."""
    project(tmp_path)
    try:
        status = fix(tmp_path, *arguments)
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    assert told in capsys.readouterr().err


def test_nothing_has_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where to say so."""
    project(tmp_path, {**PROJECT, "pyproject.toml": ""})
    assert fix(tmp_path) == 2
    assert "[tool.test_framework.audit.moved]" in capsys.readouterr().err


def test_without_libcst(tmp_path: Path) -> None:
    """It names the extra; nothing else of the command line needs it."""
    project(tmp_path)
    block = (
        "import sys; sys.modules['libcst'] = None; sys.meta_path.insert(0, type('F', (), {'find_spec': staticmethod("
    )
    block += "lambda n, *a: None)})()); from test_framework.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", block, "--root", str(tmp_path), "imports"]
    told = subprocess.run([*command, "fix"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "pip install 'pytest-tiers[audit]'" in told.stderr
    assert "Traceback" not in told.stderr
    assert subprocess.run([*command, "check"], capture_output=True, check=False).returncode == 1


def test_ctrl_c_leaves_every_file_whole(tmp_path: Path) -> None:
    """In the middle of a run: each file is as it was or as it is to be, and the patch takes back what was written."""
    files = {f"tests/test_m{i}.py": f"from app.old import run\nX{i} = run\n" for i in range(60)}
    before = contents(project(tmp_path, {**PROJECT, **files}))
    command = [
        sys.executable,
        "-m",
        "test_framework",
        "--root",
        str(tmp_path),
        "imports",
        "fix",
        "--apply",
        "--batch",
        "1",
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores the signal, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no other thread forks
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["rewrote 1 file\n"] * 3
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "interrupted: " in out
    after = contents(tmp_path)
    changed = {n for n in before if before[n] != after[n]}
    assert 0 < len(changed) < len(files)
    assert {after[n] for n in changed} <= {before[n].replace(b".old", b".new") for n in before}
    assert set(after) == set(before)
    subprocess.run(["git", "apply", "reports/imports-undo.patch"], cwd=tmp_path, check=True)
    assert contents(tmp_path) == before


def test_what_somebody_changes_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """A file that is not as it was when it was read takes its batch back."""
    root = project(tmp_path)
    settings = load(root, {})
    found = fixing.find_rewrites(settings, [], Moves.of(settings.audit.moved, "the test"))
    (root / "tests/test_a.py").write_text("x = 1\n")
    done = fixing.apply_rewrites(settings, found, fixing.RewriteOptions(root / "undo.patch"))
    assert [b.applied for b in done.batches] == [False]
    assert (root / "tests/test_a.py").read_text() == "x = 1\n"
    assert (root / "app/use.py").read_text() == PROJECT["app/use.py"]
    assert not (root / "undo.patch").exists()


def test_check_shows_how_far_the_rules_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Per folder in percent, then each breach; clean after the fix."""
    project(tmp_path)
    assert main(["--root", str(tmp_path), "imports", "check"]) == 1
    told = capsys.readouterr().out
    assert "app        4 files   75.0%" in told
    assert "tests      4 files   50.0%" in told
    assert "tests/test_b.py:1: moved-name: app.old has moved to app.new" in told
    assert fix(tmp_path, "--apply") == 0
    assert main(["--root", str(tmp_path), "imports", "check"]) == 0


def test_names_of_modules_that_packages_use_for_something_else(tmp_path: Path) -> None:
    """A function that its package offers by the name of its module stays; a module is followed, also by its package."""
    files = {
        "pyproject.toml": "",
        "app/__init__.py": "from .load import load\nfrom . import plain\n",
        "app/loading.py": "def load(): return 1\n",
        "app/simple.py": "x = 1\n",
        "tests/test_a.py": "from app import load, plain\nassert load() == plain.x\n",
    }
    project(tmp_path, files)
    assert fix(tmp_path, "--apply", "--move", "app.load=app.loading", "--move", "app.plain=app.simple") == 0
    after = contents(tmp_path)
    assert after["app/__init__.py"] == b"from .loading import load\nfrom . import simple as plain\n"
    assert after["tests/test_a.py"] == b"from app import load, simple as plain\nassert load() == plain.x\n"
    subprocess.run([sys.executable, "-c", after["tests/test_a.py"]], cwd=tmp_path, check=True)
    assert fix(tmp_path, "--move", "app.load=app.loading", "--move", "app.plain=app.simple") == 0
