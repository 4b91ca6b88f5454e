"""The repository itself: every test is reached, the docs are true, the front doors answer."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from test_framework.config import load

ROOT = Path(__file__).parents[2]
SESSIONS = ("lint", "typecheck", "build")


def listed_sessions() -> dict[str, str]:
    """Return the sessions of the noxfile with what they say of themselves; one with parameters under its own name."""
    command = [sys.executable, "-m", "nox", "--list"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return dict(re.findall(r"^[*-] ([^\s(]+)\S*(?: -> (.*))?$", told, re.M))


def test_every_test_file_is_reached_by_a_tier() -> None:
    """A test file that no tier reaches is never run, and nobody would notice."""
    settings = load(ROOT, {})
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    assert len(files) > 1
    assert [str(f.relative_to(ROOT)) for f in files if settings.tier_of(f) is None] == []


def test_the_package_knows_nothing_of_the_reference_backend() -> None:
    """It is a service of this repository, by its settings: whoever installs the package has no use for its names."""
    files = [path for path in (ROOT / "test_framework").rglob("*") if path.suffix in {".py", ".css", ".js"}]
    assert len(files) > 1
    ours = re.compile(r"(?i:reference[-_ ]?backend|reference-web)|\bBACKEND_[A-Z]|services\.backend")
    assert [str(path.relative_to(ROOT)) for path in files if ours.search(path.read_text(encoding="utf-8"))] == []
    assert "backend" not in load(Path("/nowhere"), {}).service_names


def test_what_is_said_to_be_installed_is_ours() -> None:
    """By the name of our distribution, which is no other project's, and with extras that there are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folders = ("test_framework", "docs", "compose", "tests", ".github")
    files = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in {".py", ".md", ".toml", ".yaml", ".html"}]
    texts = {p: p.read_text(encoding="utf-8") for p in [*files, *ROOT.glob("*.*"), *ROOT.glob(".ci/*")] if p.is_file()}
    texts.pop(Path(__file__))
    named = re.compile(r"test-framework\[|install (?:-\S+ )*[\"']?test-framework\b|^name = \"test-framework\"", re.M)
    assert [str(p.relative_to(ROOT)) for p, text in texts.items() if named.search(text)] == []
    extras = {
        e
        for text in texts.values()
        for found in re.findall(r"pytest-tiers\[([\w,-]+)\]", text)
        for e in found.split(",")
    }
    assert "embedded" in extras
    assert extras - project["optional-dependencies"].keys() == set()


def test_every_tier_with_tests_has_a_session() -> None:
    """A tier is one nox session of the same name, and each session says what it does."""
    settings = load(ROOT, {})
    tiers = {settings.tier_of(f) for f in (ROOT / "tests").rglob("test_*.py")}
    sessions = listed_sessions()
    assert {*tiers, *SESSIONS} <= set(sessions)
    assert [name for name, meaning in sessions.items() if not meaning] == []


def test_run_and_nox_have_the_same_tiers() -> None:
    """Those of the settings: a session runs the tier of its name, and each category with tests is one of these."""
    settings = load(ROOT, {})
    command = [sys.executable, "-m", "test_framework", "run", "--list-categories"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    listed = {name: (int(files), paths) for name, files, _, paths in map(str.split, told.splitlines()[1:])}
    assert {name: paths for name, (_, paths) in listed.items()} == {
        name: ",".join(tier.paths) for name, tier in settings.tiers.items()
    }
    counted = Counter(settings.tier_of(f) for f in (ROOT / "tests").rglob("test_*.py"))
    assert {name: files for name, (files, _) in listed.items() if files} == counted
    calls = re.findall(r'^    tier\(session, "([^"]+)"[,)]', (ROOT / "noxfile.py").read_text(), re.M)
    assert set(calls) == set(counted)
    assert set(calls) <= set(listed_sessions())


def test_every_task_has_help() -> None:
    """`invoke -l` reads like a table of contents."""
    command = [sys.executable, "-m", "invoke", "--list", "--list-format", "json"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    assert {"smoke", "doctor", "audit", "status", "clean", "images"} <= {task["name"] for task in found["tasks"]}
    assert [task["name"] for task in found["tasks"] if not task["help"]] == []


def test_a_task_ends_as_its_command_does() -> None:
    """A command that fails makes the task fail, with the same exit status."""
    command = [sys.executable, "-m", "invoke", "audit", "--explain", "nothing-of-the-kind"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert (result.returncode, "nothing-of-the-kind" in result.stderr) == (2, True)


def test_the_noxfile_is_a_script() -> None:
    """It runs by itself, with the nox that its own metadata asks for."""
    block = re.search(r"^# /// script\n(.*?)^# ///$", (ROOT / "noxfile.py").read_text(), re.M | re.S)
    assert block is not None
    metadata = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.M))
    assert any(d.startswith("nox") for d in metadata["dependencies"])
    command = [sys.executable, "noxfile.py", "--list", "--json"]
    assert json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("page", ["README.md", "reasons.md", "reference.md", "rules.md"])
def test_generated_docs_are_what_the_code_says(page: str) -> None:
    """`python docs/generate.py` would change nothing."""
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"][page]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == "\n".join(made) + "\n"


def test_sessions_that_the_docs_name_are_there() -> None:
    """A `nox -s NAME` in the README, the docs or the workflow is a session."""
    sessions = listed_sessions()
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.yaml")]
    named = {
        name
        for page in pages
        for names in re.findall(r"nox (?:-R )?-s ([a-z0-9 -]+?)(?: -- |`|$)", page.read_text(), re.M)
        for name in names.split()
    }
    assert {"integration", "unit"} <= named
    assert named - set(sessions) == set()


def test_the_readme_s_example_runs(tmp_path: Path) -> None:
    """The first code of the README passes as it stands, in a project with no settings."""
    example = re.search(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert example is not None
    (tmp_path / "test_example.py").write_text(example[1], encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.test_framework]\nidle_seconds = 0\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_example.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_the_readme_s_settings_are_valid(tmp_path: Path) -> None:
    """The TOML of the README is accepted by the settings."""
    example = re.search(r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert example is not None
    (tmp_path / "pyproject.toml").write_text(example[1], encoding="utf-8")
    settings = load(tmp_path, {})
    assert settings.service("postgres").template == ("schema.sql",)
    assert settings.tier("integration").require == ("docker",)
