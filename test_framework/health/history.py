"""The history: a line of JSON for each check, so that somebody can see when the suite became worse.

Several processes may add lines at once. A line that cannot be read is left out of what is told, and does no harm.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.atomic import replace_file
from test_framework.health.errors import HealthError
from test_framework.health.reports import TierFigures
from test_framework.report.parsing import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from test_framework.health.regressions import Check
    from test_framework.health.snapshot import SuiteSnapshot

_LOCK_SECONDS = 10.0
_PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class HealthRun:
    """One check: when it was, in UTC, what it found, and which of its comparisons were not ok."""

    at: str
    files: int
    broken: int
    unparseable: int
    findings: int
    discovery_seconds: float
    tiers: Mapping[str, TierFigures]
    drifted: tuple[str, ...] = ()

    @classmethod
    def of(cls, at: str, snapshot: SuiteSnapshot, checks: Sequence[Check]) -> HealthRun:
        """Return the line for a check."""
        return cls(
            at=at,
            files=snapshot.files,
            broken=len(snapshot.broken),
            unparseable=len(snapshot.unparseable),
            findings=sum(snapshot.findings.values()),
            discovery_seconds=snapshot.discovery_seconds,
            tiers=snapshot.tiers,
            drifted=tuple(f"{c.name} {c.subject}".rstrip() for c in checks if not c.ok),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "at": self.at,
            "files": self.files,
            "broken": self.broken,
            "unparseable": self.unparseable,
            "findings": self.findings,
            "discovery_seconds": self.discovery_seconds,
            "tiers": {name: figures.to_json() for name, figures in sorted(self.tiers.items())},
            "drifted": list(self.drifted),
        }

    @classmethod
    def from_json(cls, data: Any) -> HealthRun:
        """Return what `to_json` has written.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: It is something else.
        """
        return cls(
            at=str(data["at"]),
            files=count(data["files"]),
            broken=count(data["broken"]),
            unparseable=count(data["unparseable"]),
            findings=count(data["findings"]),
            discovery_seconds=seconds(data["discovery_seconds"]),
            tiers={str(name): TierFigures.from_json(figures) for name, figures in data["tiers"].items()},
            drifted=tuple(map(str, data["drifted"])),
        )


def read_history(path: Path) -> tuple[list[HealthRun], int]:
    """Return the runs, the oldest first, and how many lines could not be read; nothing where there is no file.

    Raises:
        HealthError: The file cannot be read at all.
    """
    try:
        lines = inputs.read_text(path, "replace").splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise HealthError(f"the history {path} cannot be read: {error.strerror}.") from error
    runs, lost = [], 0
    for line in lines:
        try:
            runs.append(HealthRun.from_json(json.loads(line)))
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
            lost += bool(line.strip())
    return runs, lost


def append(path: Path, run: HealthRun, kept: int) -> None:
    """Add a line; the oldest go when there are more than `kept`.

    Raises:
        HealthError: The file cannot be written, or somebody else holds it for long.
    """
    line = json.dumps(run.to_json()).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            inputs.refuse_special(path)
        with _locked(path) as file:
            # As bytes: a line that is no text stays as it is. A writer that was killed may have left half a line.
            lines = [each for each in file.read().split(b"\n") if each] + [line]
            file.seek(-1 if file.tell() else 0, os.SEEK_END)
            torn = file.read(1) not in (b"", b"\n")
            file.write((b"\n" if torn else b"") + line + b"\n")
            file.flush()
            if len(lines) > kept:
                replace_file(path, b"\n".join([*lines[-kept:], b""]))
    except OSError as error:
        raise HealthError(f"the history {path} cannot be written: {error.strerror}.") from error


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open the file for this process alone: the one that is there, not one that was replaced meanwhile."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < deadline:
        with path.open("a+b") as file:
            if _taken(file, path):
                file.seek(0)
                yield file
                return
        time.sleep(_PAUSE)
    raise HealthError(f"another process holds the history {path} for more than {_LOCK_SECONDS:g} s.")


def _taken(file: IO[bytes], path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
