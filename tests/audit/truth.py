"""Asks pytest which test files it cannot import, file by file.

A conftest that fails stops more than its own folder, and can stop pytest as a whole. Then all test files below it are
broken, and pytest is asked again about the rest.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Truth", "alone", "collected"]

CONFTEST = re.compile(r"ImportError while loading conftest '([^']+)'")
HERE = Path(__file__).parent
USAGE_ERROR = 4
INTERNAL_ERROR = 3


@dataclass(slots=True)
class Truth:
    """The test files that pytest saw, and those that it could not import, with its error."""

    files: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def collected(
    root: Path,
    python: str,
    arguments: tuple[str, ...] = (),
    *,
    seconds: float = 900,
    known: frozenset[str] = frozenset(),
) -> Truth:
    """Return what `pytest --collect-only` says of the tree.

    Args:
        root: where pytest runs.
        python: the interpreter of the environment that has the tree's dependencies.
        arguments: further arguments of pytest, the paths among them.
        seconds: a bound on one run; raises `subprocess.TimeoutExpired` after it.
        known: test files of the tree, to be called broken when a conftest above them is.
    """
    truth = Truth()
    ignored: list[str] = []
    while True:
        code, reports, output = _run(root, python, (*arguments, *(f"--ignore={path}" for path in ignored)), seconds)
        failed = {r["path"].rstrip("/") or ".": r["error"] for r in reports if r["outcome"] == "failed"}
        for report in reports:
            if report["path"].endswith(".py") and not report["path"].endswith("__init__.py"):
                truth.files.add(report["path"])
        stopped = CONFTEST.search(output) if code == USAGE_ERROR else None
        for path, error in failed.items():
            if path.endswith(".py"):
                truth.broken[path] = error
            else:
                _all_below(truth, root, path, known, error)
        if stopped is None:
            if code in {USAGE_ERROR, INTERNAL_ERROR} and not reports:
                _all_below(truth, root, ".", known, output[-300:])
            return truth
        folder = Path(stopped[1]).parent.relative_to(root.resolve()).as_posix()
        error = " ".join(line[1:].strip() for line in output.splitlines() if line.startswith("E "))[-300:]
        _all_below(truth, root, folder, known, error or output[-300:])
        if folder in {".", *ignored} or folder in arguments:
            return truth
        ignored.append(folder)


def alone(root: Path, python: str, path: str, arguments: tuple[str, ...] = (), *, seconds: float = 120) -> str | None:
    """Return pytest's error for one file in a process of its own, or nothing when it can import it."""
    code, reports, output = _run(root, python, (*arguments, path), seconds)
    errors = [r["error"] for r in reports if r["outcome"] == "failed"]
    if errors:
        return errors[0]
    if code in {USAGE_ERROR, INTERNAL_ERROR}:
        lines = [line[1:].strip() for line in output.splitlines() if line.startswith("E ")]
        return (lines or [output[-300:]])[-1]
    return None


def _all_below(truth: Truth, root: Path, folder: str, known: frozenset[str], error: str) -> None:
    start = "" if folder == "." else f"{folder}/"
    files = known or {p.relative_to(root).as_posix() for p in (root / folder).rglob("test_*.py")}
    for path in files:
        if path.startswith(start):
            truth.files.add(path)
            truth.broken.setdefault(path, error)


def _run(root: Path, python: str, arguments: tuple[str, ...], seconds: float) -> tuple[int, list[dict[str, str]], str]:
    """Run pytest once; return its exit code, the reports of files and folders, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "reports.jsonl")
        log.touch()
        env = {
            **{k: v for k, v in os.environ.items() if k not in {"CI", "PYTHONDONTWRITEBYTECODE"}},
            "REPORTER": str(log),
            "PYTHONPATH": os.pathsep.join([str(HERE)]),
            "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "audit-proof-bytecode")),
        }
        command = [python, "-m", "pytest", "--collect-only", "-q", "-p", "reporter", "-p", "no:cacheprovider"]
        result = subprocess.run(
            [*command, "-p", "no:test_framework", *arguments],
            cwd=root,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        reports = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        return result.returncode, reports, result.stdout + result.stderr
