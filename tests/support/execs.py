"""Runs of `exec` in a throw-away project."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.conftest import wait_until
from tests.support.run import RUN_SECONDS, Run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from tests.support.checkout import Checkout

__all__ = ["READY", "SHOW", "Execs"]

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
READY = """
import signal, sys, time
from pathlib import Path
def note(number, frame):
    print(number, flush=True)
for number in (1, 2, 10, 15):
    signal.signal(number, note)
Path("ready").touch()
while not Path("go").exists():
    time.sleep(0.01)
sys.exit(3)
"""
"""A program that stays until `go`, notes the signals that it gets, and exits 3."""


class Execs:
    """Runs of `exec` in one project."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.root = checkout.root

    def command(self, *args: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "test_framework", "exec", *args]

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return self.checkout.command("exec", *args, env=env)

    def python(self, code: str, *options: str, env: Mapping[str, str] | None = None) -> str:
        """Run a Python program that ends well, and return what it prints."""
        result = self.run(*options, "--", sys.executable, "-c", code, env=env)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def variables(self, *options: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the command."""
        found: dict[str, str] = json.loads(self.python(SHOW, *options, env=env))
        return found

    def start(self, *args: str, env: Mapping[str, str] | None = None) -> Run:
        """Start it."""
        return Run(self.command(*args), self.root, self.checkout.place, env=self.checkout.env(env))

    def hold(self, *options: str, env: Mapping[str, str] | None = None) -> Run:
        """Start it with a command that stays until `go`, and notes the signals that it gets; wait until it is there."""
        run = self.start(*options, "--", sys.executable, "-c", READY, env=env)
        wait_until(lambda: (self.root / "ready").exists() or _ended(run), "the command runs", RUN_SECONDS)
        assert (self.root / "ready").exists(), run.output
        (self.root / "ready").unlink()
        return run

    def go(self) -> None:
        """Let commands that are held end."""
        (self.root / "go").touch()

    def refused(self, *args: str, status: int, env: Mapping[str, str] | None = None) -> str:
        """Run it where it must not run its command; return what it says."""
        result = self.run(*args, "--", "touch", "started", env=env)
        assert (result.returncode, result.stdout) == (status, ""), result.stderr
        assert not (self.root / "started").exists()
        assert "Traceback" not in result.stderr
        return result.stderr


def _ended(run: Run) -> bool:
    return run._process.poll() is not None
