"""The tests' own environment: what a person has set reaches none of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Project

ROOT = Path(__file__).parents[2]
ODD = {
    "COLUMNS": "40",
    "FORCE_COLOR": "1",
    "GIT_DIR": "/nonexistent",
    "LC_ALL": "C",
    "PGHOST": "prod.example",
    "PGPASSWORD": "hunter2",
    "PYTEST_ADDOPTS": "-q",
    "PYTHONWARNINGS": "ignore",
}
SHOWS = f"""
import os, subprocess

def test_it():
    assert [name for name in {list(ODD)} if name in os.environ] == []
    assert os.umask(0o022) == 0o022
    for key, value in [("init.defaultBranch", "main"), ("commit.gpgSign", "false")]:
        told = subprocess.run(["git", "config", key], capture_output=True, text=True, check=True)
        assert told.stdout.strip() == value
"""


@pytest.mark.needs("git")
def test_an_odd_environment_reaches_no_test(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables, a umask, and what a person's git does by itself; after the tests all of it is as it was."""
    project.write("conftest.py", "from tests.support.environment import ordinary_machine\n")
    project.write("tests/unit/test_it.py", SHOWS)
    project.write("home/.gitconfig", "[commit]\ngpgSign = true\n[init]\ndefaultBranch = trunk\n")
    for name, value in {**ODD, "HOME": str(project.path / "home"), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    # Set by the fixture in question, for the test that runs now.
    for number in range(9):
        monkeypatch.delenv(f"GIT_CONFIG_KEY_{number}", raising=False)
    monkeypatch.delenv("GIT_CONFIG_COUNT", raising=False)
    assert project.spawn("--tier", "unit", "-p", "no:cacheprovider").ret == pytest.ExitCode.OK
