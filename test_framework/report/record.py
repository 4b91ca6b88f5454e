"""What a tier's run was: each test with its outcome and the services under it, each skip with its reason."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_framework.verdict import Skip

__all__ = ["Record", "TestEntry", "read"]

_COUNTED = {
    "passed": "passed",
    "xfailed": "passed",
    "failed": "failed",
    "xpassed": "passed",
    "error": "errors",
    "skipped": "skipped",
}


@dataclass
class TestEntry:
    """One test: `outcome` is passed, failed, error, skipped, xfailed or xpassed; `seconds` covers all its phases."""

    __test__ = False

    nodeid: str
    outcome: str = ""
    seconds: float = 0.0
    services: dict[str, dict[str, str | None]] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the fields; `kept` only where a database was, `left` only where a server was changed meanwhile."""
        told = {
            "nodeid": self.nodeid,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 4),
            "services": self.services,
        }
        return told | {name: found for name, found in (("kept", self.kept), ("left", self.left)) if found}


@dataclass
class Record:
    """One run of one tier, or of pytest without a tier."""

    tier: str | None
    tests: dict[str, TestEntry] = field(default_factory=dict)
    skips: dict[str, Skip] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    interrupted: bool = False
    uncollected: bool = False

    def test(self, nodeid: str) -> TestEntry:
        """Return the entry of a test, made on first use."""
        return self.tests.setdefault(nodeid, TestEntry(nodeid))

    @property
    def counts(self) -> dict[str, int]:
        """How many passed, failed, had an error and were skipped; a failure that was expected counts as passed."""
        counted = Counter(_COUNTED[t.outcome] for t in self.tests.values() if t.outcome)
        return {key: counted[key] for key in ("passed", "failed", "errors", "skipped")}

    @property
    def ran(self) -> int:
        """How many tests ran, whatever came of them."""
        counts = self.counts
        return counts["passed"] + counts["failed"] + counts["errors"]

    @property
    def outcome(self) -> str:
        """One word: interrupted, failed, passed, skipped (nothing but skips) or empty (nothing at all)."""
        counts = self.counts
        if self.interrupted:
            return "interrupted"
        if counts["failed"] or counts["errors"]:
            return "failed"
        if counts["passed"]:
            return "passed"
        return "skipped" if counts["skipped"] else "empty"

    def to_json(self, gate: dict[str, Any]) -> dict[str, Any]:
        """Return what `reports/<tier>.json` holds."""
        return {
            "tier": self.tier,
            "outcome": self.outcome,
            "counts": self.counts,
            "services": self.services,
            "skips": [s.to_json() for s in self.skips.values()],
            "tests": [t.to_json() for t in self.tests.values()],
            "gate": gate,
        }

    def write(self, path: Path, gate: dict[str, Any]) -> None:
        """Write the file whole or not at all, so that a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_text(self.to_json(gate)))
            Path(part).chmod(0o644)
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)


def _text(report: dict[str, Any]) -> str:
    """Return the report as text for people too, with each test on a line: indenting thousands of them takes long."""
    tests = ",\n    ".join(map(json.dumps, report.pop("tests")))
    head = json.dumps(report, indent=2).removesuffix("\n}")
    return "".join((head, ',\n  "tests": [', tests and f"\n    {tests}\n  ", "]\n}\n"))


def read(path: Path, keys: Iterable[str] = ("tier", "outcome", "counts", "skips", "gate")) -> dict[str, Any]:
    """Read a report back.

    Raises:
        ValueError: It is no report; the message names the file.
        OSError: It cannot be read.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a report: {error}") from error
    missing = [key for key in keys if not isinstance(data, dict) or key not in data]
    if missing:
        raise ValueError(f"{path} is not a report: it has no {', '.join(missing)}")
    return dict(data)
