"""Seconds of the audit beside the alternatives: cold, warm, and after one file changed."""

from __future__ import annotations

import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.audit.command import audited
from tests.audit.findings import Proof
from tests.audit.parts.suite import PYTEST_SECONDS, confirmed
from tests.audit.suite import written
from tests.audit.truth import Pytest
from tests.performance.findings import TIMES, Absent, Figure, Table
from tests.performance.measuring import CaseFailed, Samples, in_turns, run, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.audit.options import Options
    from tests.audit.suite import Suite

__all__ = ["measure"]

COLD, WARM, CHANGED = "audit, cold", "audit, warm", "audit, warm, one file changed"
PYTEST = "pytest --collect-only"
_TOOLS = {
    "ruff check --select E9": ("ruff", "check", "--isolated", "--no-cache", "--select", "E9", "--quiet", "--exit-zero"),
    "ty check, unresolved-import alone": (
        *("ty", "check", "--quiet", "--exit-zero", "--ignore", "all", "--error", "unresolved-import"),
        *("--python", sys.prefix),
    ),
}
_TOOL_SECONDS = 600.0
_COLD_AIM, _WARM_AIM, _TIMES_AIM = 5.0, 0.5, 30.0


def measure(options: Options) -> Proof:
    """Measure all but pytest in turns, and pytest once, with the byte code of an earlier run: it takes minutes."""
    suite = written(options)
    with TemporaryDirectory() as folder:
        cases, absent = _cases(suite, Path(folder))
        samples, failed = in_turns(cases, options.rounds)
        absent += failed
        try:
            confirmed(options, suite)
            say(PYTEST)
            pytest = Pytest(suite.root, sys.executable, options.cache / "bytecode")
            samples[PYTEST] = [pytest.collected(seconds=PYTEST_SECONDS).seconds]
        except CaseFailed as error:
            absent.append(Absent(PYTEST, str(error), failed=True))
    table = Table("the generated suite", "s", samples, to=COLD)
    return Proof("speed", (table,), tuple(_figures(samples)), tuple(absent))


def _cases(suite: Suite, cache: Path) -> tuple[dict[str, Callable[[int], float]], list[Absent]]:
    planted = {path for plant in suite.manifest["plants"] for path in (*plant["tests"], *plant["fine"])}
    changing = suite.root / next(path for path in suite.manifest["tests"] if path not in planted)
    cases: dict[str, Callable[[int], float]] = {
        COLD: partial(_cold, suite.root, cache / "cold"),
        WARM: partial(_warm, suite.root, cache / "warm"),
        CHANGED: partial(_changed, suite.root, cache / "changed", changing),
    }
    absent = []
    for name, (program, *arguments) in _TOOLS.items():
        found = shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        if found is None:
            absent.append(Absent(name, f"{program} is not installed"))
        else:
            cases[name] = partial(_tool, suite.root, [found, *arguments])
    return cases, absent


def _cold(root: Path, cache: Path, _: int) -> float:
    shutil.rmtree(cache / "audit", ignore_errors=True)
    return audited(root, sys.executable, (), cache)[1]


def _warm(root: Path, cache: Path, _: int) -> float:
    # The first round, which does not count, fills the cache.
    return audited(root, sys.executable, (), cache)[1]


def _changed(root: Path, cache: Path, path: Path, number: int) -> float:
    text, was = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(f"{text}\n\ndef test_added_{number}_{time.time_ns()}():\n    assert pytest\n", encoding="utf-8")
    try:
        return audited(root, sys.executable, (), cache)[1]
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        # The next round must find the cache as it was.
        audited(root, sys.executable, (), cache)


def _tool(root: Path, command: list[str], _: int) -> float:
    return run(command, root, os.environ, _TOOL_SECONDS)[0]


def _figures(samples: Samples) -> Iterator[Figure]:
    if COLD in samples:
        yield Figure("generated suite: cold audit", median(samples[COLD]), "s", at_most=_COLD_AIM)
    if CHANGED in samples:
        yield Figure("generated suite: audit after one file changed", median(samples[CHANGED]), "s", at_most=_WARM_AIM)
    if {COLD, PYTEST} <= samples.keys():
        ratio = median(samples[PYTEST]) / median(samples[COLD])
        yield Figure("generated suite: pytest --collect-only to a cold audit", ratio, TIMES, at_least=_TIMES_AIM)
