"""Runs of `run` on small projects, in this process: each tier's pytest is a process of its own as ever."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from test_framework.cli import main

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Project

__all__ = ["PASSES", "SEEN", "Runs", "Told"]

PASSES = "def test_passes(): pass\n"
SEEN = """
import json
from pathlib import Path

def test_seen(framework_settings):
    order, _ = framework_settings.order("postgres", "unit")
    used = [name for name in order if name not in framework_settings.disabled]
    Path("seen.json").write_text(json.dumps({"providers": used, "users": framework_settings.levels.concurrent_users}))
"""
"""A test that writes down which settings have reached it."""

_STARTS_NOTHING = "tiers.smoke.services = []\ntiers.integration.services = []"
_LONG = "layers.fast_feedback.budget_seconds = 900"


@dataclass(frozen=True, slots=True)
class Told:
    """What a run has said: its exit status, its output, and its last line."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The verdict."""
        return self.out.rstrip().rpartition("\n")[2]

    def line(self, tier: str) -> str:
        """Return what is said of a tier at the end, with single spaces."""
        lines = self.out.rpartition(" run ====")[2].splitlines()
        (found,) = [" ".join(line.split()) for line in lines if tier in line.split()[:2]]
        return found


class Runs:
    """Runs of one project."""

    def __init__(self, project: Project, capfd: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.env = project.env
        self.path = project.path
        self._capfd = capfd
        # No plugin but ours and those that `run` asks for.
        project.env.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        project.env.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider")
        project.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
        self.configure()

    @classmethod
    def of_three_tiers(cls, project: Project, capfd: pytest.CaptureFixture[str]) -> Self:
        """Return a project with a test in each of three tiers."""
        made = cls(project, capfd)
        made.tests(unit=PASSES, smoke=PASSES, integration=PASSES)
        return made

    def configure(self, table: str = "") -> None:
        """Write the settings: these lines, tiers for which nothing is started, and time enough for a slow machine."""
        long = "" if "fast_feedback.budget" in table else _LONG
        self.project.configure(f"{_STARTS_NOTHING}\n{long}\n{table}")

    def tests(self, **tiers: str) -> None:
        """Write a test file for each tier."""
        for tier, text in tiers.items():
            self.project.write(f"tests/{tier}/test_{tier}.py", text)

    def run(self, *args: str, coverage: bool = False) -> Told:
        """Run it."""
        self._capfd.readouterr()
        given = args if coverage else ("--no-coverage", *args)
        status = main(["--root", str(self.path), "run", *given])
        out, err = self._capfd.readouterr()
        return Told(status, out, err)

    def refused(self, *args: str) -> str:
        """Run it where nothing is to be run; return what it says."""
        told = self.run(*args)
        assert (told.status, told.out) == (2, "")
        assert not (self.path / "reports").exists()
        assert "Traceback" not in told.err
        return told.err

    def outcomes(self, tier: str = "unit") -> dict[str, str]:
        """Return what became of each test of a tier, by its name."""
        return {test["nodeid"].rpartition("::")[2]: test["outcome"] for test in self.project.report(tier)["tests"]}

    def seen(self) -> dict[str, Any]:
        """Return what `SEEN` has written."""
        data: dict[str, Any] = json.loads((self.path / "seen.json").read_text(encoding="utf-8"))
        return data

    def ran(self) -> set[str]:
        """Return the tiers that have a report."""
        return {path.stem for path in (self.path / "reports").glob("*.json")}
