"""What a tier's run was: each test with its outcome and the services under it, each skip with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.atomic import replace_file
from test_framework.redaction import KNOWN, hide_known

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from test_framework.report.fixtures import FixtureTime
    from test_framework.resolution import Skip

COUNTED = {
    "passed": "passed",
    "failed": "failed",
    "error": "errors",
    "skipped": "skipped",
    "xfailed": "xfailed",
    "xpassed": "xpassed",
}
"""What each outcome of a test counts as."""

COUNTS = ("passed", "failed", "errors", "skipped")
EXPECTED = ("xfailed", "xpassed")
"""What is counted, always, and only where there is any: tests that were expected to fail."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a test failed: in one line, where in its file, and what pytest printed of it; without secrets."""

    message: str
    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of a tier's tests a run was: the first is 1; `source` is what said so."""

    index: int
    count: int
    source: str = ""

    def __str__(self) -> str:
        """Return it as `--shard` takes it."""
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """The tests of which a shard had a part.

    Attributes:
        tests: How many the whole tier has.
        sha256: Of their ids, sorted and each on a line: that two machines have collected the same.
        selected: How many of them the shard had to run.
    """

    tests: int
    sha256: str
    selected: int

    @classmethod
    def of(cls, nodeids: Iterable[str], selected: int = 0) -> CollectionCounts:
        """Return what is told of these ids."""
        ids = sorted(set(nodeids))
        return cls(len(ids), hashlib.sha256("\n".join(ids).encode("utf-8", "surrogatepass")).hexdigest(), selected)


@dataclass
class TestEntry:
    """One test: `outcome` is passed, failed, error, skipped, xfailed or xpassed; `seconds` covers all its phases.

    `start` counts in seconds from the start of its run, and `worker` is empty where there are none. What is not
    `collected` is no test: a file or a class that could not be collected, or was skipped as a whole.
    """

    __test__ = False

    nodeid: str
    outcome: str = ""
    seconds: float = 0.0
    services: dict[str, dict[str, str | None]] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    start: float | None = None
    worker: str = ""
    failure: Failure | None = None
    collected: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the fields; from `start` on only what is known of the test."""
        told: dict[str, Any] = {
            "nodeid": self.nodeid,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 4),
            "services": self.services,
        }
        if self.start is not None:
            told["start"] = round(self.start, 4)
        if not self.collected:
            told["collected"] = False
        for name in ("worker", "kept", "left"):
            if found := getattr(self, name):
                told[name] = found
        return told | {"failure": asdict(self.failure)} if self.failure else told


@dataclass
class Record:
    """One run of one tier, or of pytest without a tier.

    Attributes:
        started: When it began, in seconds since the epoch.
        seconds: How long it took.
        require: Providers that were good enough; empty for any.
        shard: Which part of the tier it was; None for the whole.
        collection: What the shard had a part of; None for the whole, and where nobody knows.
        shards: What each shard was, in a record that was merged from several.
    """

    tier: str | None
    tests: dict[str, TestEntry] = field(default_factory=dict)
    skips: dict[str, Skip] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    interrupted: bool = False
    uncollected: bool = False
    started: float | None = None
    seconds: float = 0.0
    require: tuple[str, ...] = ()
    fixtures: list[FixtureTime] = field(default_factory=list)
    shard: Shard | None = None
    collection: CollectionCounts | None = None
    shards: list[dict[str, Any]] = field(default_factory=list)

    def test(self, nodeid: str) -> TestEntry:
        """Return the entry of a test, made on first use."""
        return self.tests.setdefault(nodeid, TestEntry(nodeid))

    @property
    def counts(self) -> dict[str, int]:
        """How many passed, failed, had an error, were skipped; where there are any, xfailed and xpassed."""
        counted = Counter(COUNTED[t.outcome] for t in self.tests.values() if t.outcome)
        return {key: counted[key] for key in (*COUNTS, *EXPECTED) if key in COUNTS or counted[key]}

    @property
    def ran(self) -> int:
        """How many tests ran, whatever came of them."""
        counts = self.counts
        return sum(counts.values()) - counts["skipped"]

    @property
    def failing(self) -> bool:
        """Whether a test failed or had an error."""
        counts = self.counts
        return bool(counts["failed"] or counts["errors"])

    @property
    def is_part(self) -> bool:
        """Whether it is a shard of tests that are there: that it ran none of them is for the merge to judge."""
        return bool(self.shard and self.collection and self.collection.tests)

    @property
    def outcome(self) -> str:
        """One word: interrupted, failed, passed, skipped (nothing but skips) or empty (nothing at all).

        A run of which nobody has heard how one of its tests ended is taken for interrupted.
        """
        if self.interrupted:
            return "interrupted"
        if self.failing:
            return "failed"
        if any(not test.outcome for test in self.tests.values()):
            return "interrupted"
        if self.ran:
            return "passed"
        return "skipped" if self.counts["skipped"] else "empty"

    def to_json(self, gate: dict[str, Any]) -> dict[str, Any]:
        """Return what `reports/<tier>.json` holds; times, shards and fixtures where they are known."""
        told: dict[str, Any] = {
            "tier": self.tier,
            "outcome": self.outcome,
            "counts": self.counts,
            "services": self.services,
            "skips": [s.to_json() for s in self.skips.values()],
            "tests": [t.to_json() for t in self.tests.values()],
            "gate": gate,
        }
        if self.started is not None:
            told |= {"started": round(self.started, 3), "seconds": round(self.seconds, 3)}
        if self.require:
            told["require"] = list(self.require)
        if self.shard:
            told["shard"] = asdict(self.shard)
        if self.collection:
            told["collection"] = asdict(self.collection)
        if self.shards:
            told["shards"] = self.shards
        if self.fixtures:
            told["fixtures"] = [asdict(f) for f in self.fixtures]
        return told

    def write(self, path: Path, gate: dict[str, Any]) -> None:
        """Write the file whole or not at all, so that a reader never sees half of it."""
        report = self.to_json(gate)
        text = _text(dict(report))
        if KNOWN.hide(text) != text:
            # Such as a name of a fixture. Not in the text itself, since a password may be a number.
            text = _text(hide_known(report))
        replace_file(path, text.encode())


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
        data = json.loads(inputs.read_text(path))
    except inputs.NoFile as error:
        raise ValueError(f"{path} is not a report: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a report: {error}") from error
    missing = [key for key in keys if not isinstance(data, dict) or key not in data]
    if missing:
        raise ValueError(f"{path} is not a report: it has no {', '.join(missing)}")
    return dict(data)
