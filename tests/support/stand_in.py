"""Stand-ins of staging, started as the command that a person runs, and runs of the tier against them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.place import Place

__all__ = ["ROOT", "StandIn", "Tier", "run_tier"]

ROOT = Path(__file__).parents[2]
_START_SECONDS = 90.0
_END_SECONDS = 30.0
_TIER_SECONDS = 180.0
_LENIENT_LEVELS = {
    f"TEST_FRAMEWORK_LEVELS_{name}_SECONDS": "50" for name in ("CONNECT", "FIRST_EVENT", "TOOL_RESULT", "EVENT_LATENCY")
}
_CODE = re.compile(r"(?:^|Failed: )([a-z]+(?:-[a-z]+)+): ", re.M)


class StandIn:
    """A stand-in on the embedded servers of a place, with these variables on top. Use it in `with`.

    Attributes:
        file: Where it writes its variables.
        variables: What they are, once it stands.
    """

    def __init__(self, place: Place, *args: str, env: Mapping[str, str] | None = None) -> None:
        self._place = place
        self.file = place.path / f"stand-in-{uuid4().hex[:8]}.env"
        self._output = self.file.with_suffix(".txt")
        command = [sys.executable, "-m", "test_framework", "stand-in", "--env-file", str(self.file), *args]
        env = place.env | {"TEST_FRAMEWORK_PROVIDERS": "explicit,embedded", **(env or {})}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
        place.started.append(self.process)
        self.variables: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Wait until it stands."""
        wait_until(lambda: "Load it with" in self.output or self._ended(), "the stand-in stands", _START_SECONDS)
        assert not self._ended(), self.output
        assigned = (text.partition("=") for text in shlex.split(self.file.read_text(encoding="utf-8")))
        self.variables = {name: value for name, _, value in assigned}
        return self

    def __exit__(self, *_: object) -> None:
        """Tell it to end, which it does well."""
        if not self._ended():
            assert self.end(signal.SIGTERM) == 0, self.output

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._output.read_text(errors="replace")

    @property
    def secrets(self) -> list[str]:
        """The passwords among its variables."""
        in_urls = re.findall(r"//[^/]*:([^/@]+)@", "\n".join(self.variables.values()))
        return [self.variables["STAGING_PASSWORD"], *in_urls]

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(_END_SECONDS)

    def tier(self, reports: Path, *, levels: bool = False) -> Tier:
        """Run the tier against it, with its variables; with `levels`, it is held to the service levels of the settings.

        A busy machine does not keep these, whatever stands there.
        """
        return run_tier(self._place, reports, self.variables | ({} if levels else _LENIENT_LEVELS))


@dataclass(frozen=True)
class Tier:
    """A run of the tier `e2e-staging`: its exit status, and what it printed and reported."""

    status: int
    output: str
    report: dict[str, Any]
    junit: str

    @property
    def codes(self) -> set[str]:
        """The codes of all failures, as JUnit tells them, and of all skips."""
        told = (
            node.get("message", "")
            for kind in ("failure", "error")
            for node in ET.fromstring(self.junit).iter(kind)  # noqa: S314  # ours
        )
        return {code for text in told for code in _CODE.findall(text)} | {skip["code"] for skip in self.report["skips"]}

    @property
    def seconds(self) -> float:
        """How long the longest test took."""
        return max(float(test["seconds"]) for test in self.report["tests"])


def run_tier(place: Place, reports: Path, variables: Mapping[str, str]) -> Tier:
    """Run the tier of this repository with these variables; the gate is strict, but for what is not configured."""
    env = place.env | {
        "TEST_FRAMEWORK_REPORTS": str(reports),
        "TEST_FRAMEWORK_GATE": "strict",
        "TEST_FRAMEWORK_ALLOWED_SKIPS": "not-configured",
        # Whatever it has resolved ends with it.
        "TEST_FRAMEWORK_SUPERVISOR": "0",
        **variables,
    }
    # The settings of this repository name plugins.
    env.pop("PYTEST_DISABLE_PLUGIN_AUTOLOAD", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tier", "e2e-staging"]
    result = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=_TIER_SECONDS, check=False
    )
    report = reports / "e2e-staging.json"
    assert report.exists(), result.stdout + result.stderr
    junit = report.with_suffix(".xml").read_text(encoding="utf-8")
    return Tier(result.returncode, result.stdout + result.stderr, json.loads(report.read_text(encoding="utf-8")), junit)
