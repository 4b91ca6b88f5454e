"""A run of pytest on a throw-away project: what it does, says and reports."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.conftest import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.place import Place

__all__ = ["RUN_SECONDS", "Run"]

RUN_SECONDS = 120.0
"""Bound on a whole run."""


class Run:
    """A run of pytest."""

    def __init__(self, command: list[str], root: Path, place: Place, **process: Any) -> None:
        self._root = root
        self._place = place
        self._output = root / f"output-{time.monotonic_ns()}"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=root, **process
            )
        self.pid = self._process.pid
        place.started.append(self._process)

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._output.read_text(errors="replace")

    def held(self) -> list[int]:
        """Return the processes that are in mid-test: pytest itself, or its workers."""
        return [int(path.name.partition("-")[2]) for path in self._root.glob("here-*")]

    def wait_held(self, number: int) -> None:
        """Wait until so many processes of all runs of the project are in mid-test."""

        def held() -> bool:
            assert self._process.poll() is None, self.output
            return len(self.held()) >= number

        wait_until(held, f"{number} in mid-test", RUN_SECONDS)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to pytest, and wait for its end."""
        self._process.send_signal(number)
        self.end()

    def end(self, seconds: float = RUN_SECONDS) -> int:
        """Wait for the end and return the exit status."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it did not end within {seconds} s:\n{self.output}") from None

    def passed(self, seconds: float = RUN_SECONDS) -> None:
        """Assert that it ends well."""
        assert self.end(seconds) == 0, f"{self.output}\n{self._place.log()}"

    @property
    def report(self) -> dict[str, Any]:
        """The tier's report."""
        path = self._root / "reports" / "integration.json"
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return data

    def attempt(self, service: str, provider: str) -> dict[str, Any]:
        """Return what the report says of a provider that was tried for a service."""
        (found,) = (a for a in self.report["services"][service]["attempts"] if a["provider"] == provider)
        return dict(found)

    def outcomes(self) -> dict[str, str]:
        """Return what became of each test, by the name that follows the file's."""
        return {test["nodeid"].partition("::")[2]: test["outcome"] for test in self.report["tests"]}
