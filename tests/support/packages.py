"""What is in the wheel and the source archive, and what the wheel installs: `nox -s build` runs it.

Each extra is installed alone, in an environment of its own, and none: every module is imported, the commands answer,
and what needs another extra says which.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
NONE = "none"
SECONDS = 120.0
"""Bound on one command."""

_BAD_SETTING = 2

NEEDS = {
    "test_framework.audit.codemod": {"audit", "all"},
    "test_framework.e2e": {"e2e", "staging", "all"},
    "test_framework.staging.probe": {"e2e", "staging", "all"},
    "test_framework.staging.stand_in": {"staging", "all"},
}
"""Modules, with all below them, that cannot be imported without one of these extras. All others always can."""

IMPORTS = """
import importlib, json, pkgutil, test_framework
failed = {}
for module in pkgutil.walk_packages(test_framework.__path__, "test_framework.", onerror=lambda name: None):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        failed[module.name] = str(error)
print(json.dumps(failed))
"""


class Installed:
    """An environment with the wheel and one extra."""

    def __init__(self, folder: Path, wheel: Path, extra: str) -> None:
        self.extra = extra
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        (self.project / "pyproject.toml").write_text("[tool.test_framework]\nidle_seconds = 0\n", encoding="utf-8")
        (self.project / "test_one.py").write_text("def test_one():\n    assert 1 + 1 == 2\n", encoding="utf-8")
        self._programs = folder / "venv" / "bin"
        # The machine has nothing but what the extra brings, as far as that can be.
        self._env = {"HOME": str(folder), "PATH": str(self._programs), "TEST_FRAMEWORK_PROVIDERS": "embedded"}
        what = f"{wheel}[{extra}]" if extra != NONE else str(wheel)
        for command in (
            ["venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
            # Named, since nox says to uv by a variable that it means the session's own.
            ["pip", "install", "--quiet", "--python", str(self._programs / "python"), what],
        ):
            subprocess.run(["uv", *command], check=True, timeout=SECONDS)

    def run(self, *command: str, status: int = 0) -> str:
        """Run a program of the environment in an empty project; return what it printed, on both outputs."""
        result = subprocess.run(
            [str(self._programs / command[0]), *command[1:]],
            cwd=self.project,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        told = result.stdout + result.stderr
        assert result.returncode == status, f"{self.extra}: {command}: exit status {result.returncode}\n{told}"
        assert "Traceback" not in told or status == 1, f"{self.extra}: {command}\n{told}"
        return told


def contents(wheel: Path, sdist: Path) -> None:
    """Assert that the wheel has every file of the package and nothing else, and that the archive can be tested."""
    package = ROOT / "test_framework"
    wanted = {str(p.relative_to(ROOT)) for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == wanted, f"not in both: {found ^ wanted}"
    assert "test_framework/py.typed" in found
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    missing = wanted | {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py", "docs/reference.md"}
    assert missing <= found, missing - found


def extras(wheel: Path) -> list[str]:
    """Return the extras that the wheel offers."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_string(archive.read(name).decode())
    return metadata.get_all("Provides-Extra", [])


def check(extra: str, wheel: Path, folder: Path) -> str:
    """Install one extra and try it; return a line about it. Raises `AssertionError`."""
    start = time.monotonic()
    here = Installed(folder / extra, wheel, extra)
    installed = time.monotonic() - start
    assert re.fullmatch(r"[\d.]+\S*\n", here.run("test-framework", "--version"))
    assert set(json.loads(here.run("test-framework", "doctor", "--json"))) >= {"services", "tiers"}
    assert "1 passed" in here.run(
        "pytest", "--strict-config", "-q", *(["-n", "1"] if extra in ("xdist", "all") else [])
    )
    failed = json.loads(here.run("python", "-c", IMPORTS).splitlines()[-1])
    refused = {name for name in failed if any(f"{name}.".startswith(f"{part}.") for part in NEEDS)}
    assert failed.keys() == refused, f"{extra}: {failed}"
    for part, enough in NEEDS.items():
        below = [name for name in failed if f"{name}.".startswith(f"{part}.")]
        assert bool(below) is (extra not in enough), f"{extra}: {part}: {failed}"
    assert_told(here)
    return (
        f"{extra}: {len(failed)} modules need more; {installed:.1f} s to install, {time.monotonic() - start:.1f} in all"
    )


def assert_told(here: Installed) -> None:
    """Assert that what the extra is for can be used, and that its absence is one line that names it."""
    refused: list[tuple[str, set[str], tuple[str, ...], int]] = [
        ("audit", {"audit", "all"}, ("test-framework", "imports", "fix", "--move", "a.b=c.d"), 2),
        ("e2e", {"e2e", "staging", "all"}, ("python", "-c", "import test_framework.e2e.user"), 1),
        ("report", {"report", "all"}, ("test-framework", "report", "html"), 2),
        ("staging", {"staging", "all"}, ("test-framework", "stand-in", "--seconds", "0.1"), 1),
    ]
    if sys.version_info < (3, 13):
        # For later versions there is no wheel of Redis.
        nothing = ("test-framework", "exec", "--", "python", "-c", "")
        refused.append(("embedded", {"embedded", "all"}, nothing, 125))
    for extra, enough, command, status in refused:
        # The stand-in needs a service under test, too: to miss that in the settings, it came past its imports.
        there = _BAD_SETTING if extra == "staging" else 0
        told = here.run(*command, status=there if here.extra in enough else status)
        assert (f"pytest-tiers[{extra}]" in told) is (here.extra not in enough), f"{here.extra}: {told}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a wheel and a source archive; returns 0, or raises `AssertionError`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("sdist", type=Path)
    given = parser.parse_args(arguments)
    contents(given.wheel, given.sdist)
    offered = [NONE, *extras(given.wheel)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as threads:
        lines: Iterable[str] = threads.map(lambda extra: check(extra, given.wheel.resolve(), Path(folder)), offered)
        for line in lines:
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
