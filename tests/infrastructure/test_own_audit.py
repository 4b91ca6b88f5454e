"""The audit of this repository by itself: it is clean, and anything that it can find would make it red."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.audit import audit
from test_framework.audit.explained import EXPLAINED
from test_framework.audit.limits import exceeded_limits
from test_framework.config import load
from tests.support.examples import as_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOT_HERE = {"name-clash": "pytest imports by path here, so that two files may have one name"}


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the audit by its command line."""
    command = [sys.executable, "-m", "test_framework", "audit", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("project", [".", "compose/backend"])
def test_the_own_audit_is_clean(project: str) -> None:
    """No finding at all, whatever the thresholds, and no test file was missed."""
    result = run("--root", project, "--no-cache", "--json", "-")
    told: dict[str, Any] = json.loads(result.stdout)
    lists = ("broken", "empty", "unreached", "quality", "imports", "unparseable")
    assert {name: told[name] for name in lists} == {name: [] for name in lists}
    assert result.returncode == 0, result.stderr
    assert told["files"] == len(list((ROOT / project / "tests").rglob("test_*.py")))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the audit reads of this repository."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("tests", "test_framework", "compose"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tasks.py", "noxfile.py"):
        shutil.copy(ROOT / name, root)
    return root


@pytest.fixture
def planted(copy: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the copy with the bad example of a rule in it: tests in a tier, what they import at the root."""
    settings = (copy / "pyproject.toml").read_text(encoding="utf-8")
    added = []
    for name, text in as_files(EXPLAINED[request.param].example_bad).items():
        if name == "pyproject.toml":
            (copy / name).write_text(f"{settings}\n{text}", encoding="utf-8")
            continue
        folder = {"unreached": "tests"}.get(request.param, "tests/unit") if "test_" in name else "."
        path = copy / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists()
        path.write_text(text, encoding="utf-8")
        added.append(path)
    yield copy
    for path in added:
        path.unlink()
    (copy / "pyproject.toml").write_text(settings, encoding="utf-8")


def test_the_copy_is_clean(
    copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """So that what is planted in it is what makes it red."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    settings = load(copy, {})
    assert exceeded_limits(audit(copy, [], settings), settings.audit) == []


@pytest.mark.parametrize("planted", [name for name in EXPLAINED if name not in NOT_HERE], indirect=True)
def test_each_defect_makes_it_red(
    planted: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the audit can find is too much in this repository."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    settings = load(planted, {})
    assert exceeded_limits(audit(planted, [], settings), settings.audit) != []


def test_the_hook_finds_what_a_change_breaks(tmp_path: Path) -> None:
    """The command of `.pre-commit-hooks.yaml`, with the files that pre-commit would add."""
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    found = re.search(r"^  entry: (.*)\n  args: \[(.*)\]", hook, re.M)
    assert found
    program, command, *options = shlex.split(f"{found[1]} {found[2]}".replace(",", " "))
    assert (program, command) == ("test-framework", "audit")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\ndependencies = ['httpx']\n", encoding="utf-8")
    test = "import httpx\nfrom shop import price\n\n\ndef test_it():\n    assert httpx, price\n"
    (tmp_path / "test_shop.py").write_text(test, encoding="utf-8")
    for text, status in (("price = 1\n", 0), ("prize = 1\n", 1)):
        (tmp_path / "shop.py").write_text(text, encoding="utf-8")
        assert run(*options, "shop.py", cwd=tmp_path).returncode == status


def drifted(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the checks of a project's health that are not ok, by the baseline that is committed.

    Its reports are of the machine that it ran on, and so is how long an audit takes: neither counts here.
    """
    monkeypatch.setenv("TEST_FRAMEWORK_REPORTS", str(folder / "reports"))
    monkeypatch.setenv("TEST_FRAMEWORK_HEALTH_HISTORY", str(folder / "health.jsonl"))
    monkeypatch.setenv("TEST_FRAMEWORK_HEALTH_DISCOVERY_NOISE_SECONDS", "3600")
    command = [sys.executable, "-m", "test_framework", "--root", str(root), "health", "check", "--json"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode in {0, 1}, result.stderr
    checks = {check["check"] for check in json.loads(result.stdout)["checks"] if not check["ok"]}
    assert result.returncode == int(bool(checks))
    return checks


def test_the_suite_has_not_drifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `health save` has found in this repository still holds."""
    assert drifted(ROOT, tmp_path, monkeypatch) == set()


def test_the_baseline_holds_on_any_machine() -> None:
    """A tier in it would be red wherever it has not run: save it with TEST_FRAMEWORK_REPORTS at an empty folder."""
    baseline = json.loads((ROOT / load(ROOT, {}).health.baseline).read_text(encoding="utf-8"))
    assert baseline["tiers"] == {}


@pytest.mark.parametrize(
    ("planted", "check"),
    [
        pytest.param("missing-module", "broken-imports", id="an import is broken"),
        pytest.param("syntax-error", "unparseable", id="a file cannot be parsed"),
        pytest.param("constant-assertion", "findings", id="a test cannot fail"),
    ],
    indirect=["planted"],
)
def test_drift_makes_it_red(
    planted: Path,
    check: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What the suite did not have when the baseline was saved is noticed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    assert check in drifted(planted, tmp_path, monkeypatch)


def test_everything_is_in_place() -> None:
    """The check before a migration has nothing to say against this repository."""
    command = [sys.executable, "-m", "test_framework", "validate"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
