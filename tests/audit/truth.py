"""Asks pytest which test files it cannot import, file by file, and keeps what it said.

A conftest that fails stops more than its own folder, and can stop pytest as a whole. Then all test files below it are
broken, and pytest is asked again about the rest.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from tests.audit.command import environment
from tests.performance.measuring import run

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Kept", "Pytest", "Truth"]

CONFTEST = re.compile(r"ImportError while loading conftest '([^']+)'")
HERE = Path(__file__).parent
USAGE_ERROR = 4
INTERNAL_ERROR = 3
ALONE_SECONDS = 300.0


@dataclass(slots=True)
class Truth:
    """What pytest said of a tree.

    Attributes:
        files: The test files that it saw.
        broken: Those that it could not import, with its error.
        alone: What it said of files in a process of their own: its error, or None when it could import the file.
        seconds: How long it took.
    """

    files: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    alone: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0


class Kept:
    """What pytest said earlier, in a folder, by what it was asked: it takes much longer than the audit."""

    def __init__(self, folder: Path, question: Iterable[str]) -> None:
        digest = blake2b("\0".join(question).encode("utf-8", "surrogatepass"), digest_size=16)
        self.path = folder / f"{digest.hexdigest()}.json"

    def read(self) -> Truth | None:
        """Return what it said; None when it has not been asked yet."""
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Truth(set(told["files"]), told["broken"], told["alone"], told["seconds"])

    def write(self, truth: Truth) -> None:
        """Keep it, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        told = {"files": sorted(truth.files), "broken": truth.broken, "alone": truth.alone, "seconds": truth.seconds}
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        new.replace(self.path)


@dataclass(frozen=True, slots=True)
class Pytest:
    """The pytest that is asked.

    Attributes:
        root: Where it runs.
        python: The interpreter of the environment that has the tree's dependencies.
        bytecode: Folder in which Python keeps its byte code.
    """

    root: Path
    python: str
    bytecode: Path

    def collected(
        self,
        paths: tuple[str, ...] = (),
        *,
        seconds: float,
        known: frozenset[str] = frozenset(),
        sample: tuple[str, ...] = (),
    ) -> Truth:
        """Return what `pytest --collect-only` says of the tree.

        Args:
            paths: Those that pytest is given.
            seconds: Bound on one run.
            known: Test files of the tree, to be called broken when a conftest above them is.
            sample: The test files that it is asked about; all of them when empty.

        Raises:
            CaseFailed: A run took longer.
        """
        truth = Truth()
        ignored: list[str] = []
        while True:
            excluded = (f"--ignore={path}" for path in ignored)
            code, reports, output, took = self._run((*paths, *excluded), seconds, sample)
            truth.seconds += took
            failed = {r["path"].rstrip("/") or ".": r["error"] for r in reports if r["outcome"] == "failed"}
            for report in reports:
                if report["path"].endswith(".py") and not report["path"].endswith("__init__.py"):
                    truth.files.add(report["path"])
            stopped = CONFTEST.search(output) if code == USAGE_ERROR else None
            for path, error in failed.items():
                if path.endswith(".py"):
                    truth.broken[path] = error
                else:
                    _all_below(truth, self.root, path, known, error)
            if stopped is None:
                left = known - truth.files
                # Only then: a conftest may also leave files out, and then nobody has an error.
                if code in {USAGE_ERROR, INTERNAL_ERROR} and (left or not reports):
                    _all_below(truth, self.root, ".", left, output[-300:])
                return truth
            folder = Path(stopped[1]).parent.relative_to(self.root.resolve()).as_posix()
            error = " ".join(line[1:].strip() for line in output.splitlines() if line.startswith("E "))[-300:]
            _all_below(truth, self.root, folder, known, error or output[-300:])
            if folder in {".", *ignored} or folder in paths:
                return truth
            ignored.append(folder)

    def alone(self, path: str, paths: tuple[str, ...]) -> str | None:
        """Return the error for one file below `paths` in a process of its own, or nothing when pytest has none."""
        code, reports, output, _ = self._run(paths, ALONE_SECONDS, (path,))
        errors = [r["error"] for r in reports if r["outcome"] == "failed"]
        if errors:
            return errors[0]
        if code in {USAGE_ERROR, INTERNAL_ERROR}:
            lines = [line[1:].strip() for line in output.splitlines() if line.startswith("E ")]
            return (lines or [output[-300:]])[-1]
        return None

    def _run(
        self, arguments: tuple[str, ...], seconds: float, sample: tuple[str, ...]
    ) -> tuple[int, list[dict[str, str]], str, float]:
        """Return pytest's exit status, the reports of files and folders, its output and its seconds."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "reports.jsonl")
            log.touch()
            env = {**environment(self.bytecode), "REPORTER": str(log), "PYTHONPATH": str(HERE)}
            env["REPORTER_SAMPLE"] = json.dumps([str(self.root / path) for path in sample])
            command = [self.python, "-m", "pytest", "--collect-only", "-q", "-p", "reporter", "-p", "no:cacheprovider"]
            command += ["-p", "no:test_framework", *arguments]
            took, output = run(command, self.root, env, seconds, may_fail=True)
            reports = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        ends = [report for report in reports if report["outcome"] == "end"]
        # Without a session, pytest stopped at what it reads before: the settings and the first conftests.
        code = int(ends[-1]["error"]) if ends else USAGE_ERROR
        return code, [report for report in reports if report["outcome"] != "end"], output, took


def _all_below(truth: Truth, root: Path, folder: str, known: frozenset[str], error: str) -> None:
    start = "" if folder == "." else f"{folder}/"
    files = known or {p.relative_to(root).as_posix() for p in (root / folder).rglob("test_*.py")}
    for path in files:
        if path.startswith(start):
            truth.files.add(path)
            truth.broken.setdefault(path, error)
