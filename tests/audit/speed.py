"""Seconds that the audit of a suite takes, beside the alternatives, all in one run.

    python -m tests.audit.speed DIR [--rounds 5] [--no-pytest] [--json FILE]

DIR is what `tests.audit.suite` wrote. The cases take turns, so that a machine that slows down slows all of them.
Collecting by pytest takes minutes, so it happens once, in the end. What is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.audit.command import audited
from tests.audit.truth import collected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLD, WARM, CHANGED = "audit, cold", "audit, warm, nothing changed", "audit, warm, one file changed"
PYTEST = "pytest --collect-only"
TOOL_SECONDS = 600
PYTEST_SECONDS = 3600


def main() -> int:
    """Measure, print a Markdown table and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder that tests.audit.suite wrote")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is measured (5)")
    parser.add_argument("--no-pytest", action="store_true", help="leave out pytest, which takes minutes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    root = (given.dir / "project").resolve()
    manifest = json.loads((given.dir / "manifest.json").read_text(encoding="utf-8"))
    planted = {path for plant in manifest["plants"] for path in (*plant["tests"], *plant["fine"])}
    plain = next(path for path in manifest["tests"] if path not in planted)
    with tempfile.TemporaryDirectory() as cache:
        cases, absent = _cases(root, Path(cache), root / plain)
        seconds: dict[str, list[float]] = {name: [] for name in cases}
        # One round more than is counted: the first reads files that the system then has in memory.
        for number in range(given.rounds + 1):
            for name, measure in cases.items():
                taken = measure()
                if number:
                    seconds[name].append(taken)
    if not given.no_pytest:
        begin = time.monotonic()
        collected(root, sys.executable, seconds=PYTEST_SECONDS)
        seconds[PYTEST] = [time.monotonic() - begin]
    print("\n".join([*table(seconds, given.rounds), *absent]))
    if given.json:
        given.json.write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")
    return 0


def _cases(root: Path, cache: Path, changing: Path) -> tuple[dict[str, Callable[[], float]], list[str]]:
    def cold() -> float:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        return audited(root, sys.executable, cache=cache, seconds=TOOL_SECONDS)[1]

    def warm() -> float:
        return audited(root, sys.executable, cache=cache, seconds=TOOL_SECONDS)[1]

    def changed() -> float:
        text = changing.read_text(encoding="utf-8")
        changing.write_text(f"{text}\n\ndef test_added_at_{time.time_ns()}():\n    assert pytest\n", encoding="utf-8")
        try:
            return audited(root, sys.executable, cache=cache, seconds=TOOL_SECONDS)[1]
        finally:
            changing.write_text(text, encoding="utf-8")
            # What comes next must find the cache as it was.
            audited(root, sys.executable, cache=cache, seconds=TOOL_SECONDS)

    cases: dict[str, Callable[[], float]] = {COLD: cold, WARM: warm, CHANGED: changed}
    folder = Path(sys.executable).parent
    tools = {
        "ruff check --select E9": ("ruff", "check", "--isolated", "--no-cache", "--select", "E9", "--quiet", "."),
        "ty check, unresolved-import alone": ("ty", "check", "--quiet", *_ty_rules()),
    }
    absent = []
    for name, (program, *arguments) in tools.items():
        found = shutil.which(program, path=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
        if found is None:
            absent.append(f"not measured: {program} is not installed")
        else:
            cases[name] = _tool(root, [found, *arguments])
    return cases, absent


def _ty_rules() -> list[str]:
    return ["--ignore", "all", "--error", "unresolved-import", "--python", sys.prefix, "--exit-zero"]


def _tool(root: Path, command: list[str]) -> Callable[[], float]:
    def measure() -> float:
        begin = time.monotonic()
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)
        taken = time.monotonic() - begin
        # 1: it found something, as it must here.
        if result.returncode not in {0, 1}:
            sys.exit(f"{' '.join(command)} exits {result.returncode}:\n{result.stderr[-2000:]}")
        return taken

    return measure


def table(seconds: dict[str, list[float]], rounds: int) -> Iterator[str]:
    """Yield the table: medians with their spread, and how often the cold audit goes into each."""
    ours, again = median(seconds[COLD]), median(seconds[CHANGED])
    yield f"Median seconds of {rounds} rounds, {os.cpu_count()} cores:\n"
    yield "| case | median | min .. max | cold audits | warm audits |"
    yield "|---|---|---|---|---|"
    for name, values in seconds.items():
        middle = median(values)
        spread = f"{min(values):.2f} .. {max(values):.2f}" if len(values) > 1 else "once"
        yield f"| {name} | {middle:.2f} | {spread} | {middle / ours:.1f} | {middle / again:.1f} |"


if __name__ == "__main__":
    sys.exit(main())
