"""What the templates of the page show of the reports, where it is more than a report itself says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from test_framework.report.record import EXPECTED
from test_framework.report.wording import duration, failures_by_message, plural, services_used, skip_groups, slowest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from test_framework.report.fixtures import FixtureTime
    from test_framework.report.record import Record, TestEntry
    from test_framework.report.stored import Report
    from test_framework.report.wording import SkipGroup

_OPENED = 3

WHOLE = 200
"""Failures that are shown with all that pytest printed: more make the page slow, and nobody reads them."""

NAMED = 200
"""Tests that are named of those that were skipped for the same reason."""

_SLOWEST = 20


@dataclass(frozen=True, slots=True)
class ShownFailure:
    """A test that failed; `told` says where, on what and after how long, and `text` is what pytest printed."""

    nodeid: str
    opened: bool
    kept: Sequence[str]
    told: str
    text: str


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Tests of a tier that failed with the same message."""

    tier: str
    message: str
    opened: bool
    tests: Sequence[ShownFailure]


def failures(reports: Iterable[Report]) -> list[FailureGroup]:
    """Return the tests that failed; where there are few groups, each is unfolded with its first test."""
    found = [
        (report.name, message, tests) for report in reports for message, tests in failures_by_message(report.record)
    ]
    opened = len(found) <= _OPENED
    groups = []
    before = 0
    for tier, message, tests in found:
        shown = [_shown(t, opened=opened and at == 0, whole=before + at < WHOLE) for at, t in enumerate(tests)]
        groups.append(FailureGroup(tier, message, opened, shown))
        before += len(tests)
    return groups


def _shown(test: TestEntry, *, opened: bool, whole: bool) -> ShownFailure:
    failure = test.failure
    services = ", ".join(
        f"{name} {told['version'] or ''} on {told['provider']}" for name, told in test.services.items()
    )
    told = [f"{failure.file}:{failure.line}"] if failure else []
    told += [services] if services else []
    told += [f"after {duration(test.seconds)}"] + ([f"on {test.worker}"] if test.worker else [])
    return ShownFailure(test.nodeid, opened, test.kept, "; ".join(told), failure.text if failure and whole else "")


def services(record: Record) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return each service with what tests had it on, and how many."""
    by_name = groupby(services_used(record), itemgetter(0))
    return [(name, [(what, tests) for _, what, tests in rows]) for name, rows in by_name]


def skips(reports: Iterable[Report]) -> list[tuple[str, SkipGroup]]:
    """Return the tests that were skipped for the same reason, with their tier."""
    return [(report.name, group) for report in reports for group in skip_groups(report.record.skips.values())]


def slowest_tests(reports: Sequence[Report]) -> list[tuple[Report, TestEntry]]:
    """Return the tests that took longest."""
    return slowest(reports, _SLOWEST)


def slowest_fixtures(reports: Iterable[Report]) -> list[tuple[Report, FixtureTime]]:
    """Return the fixtures whose setups took longest together."""
    return sorted(((r, f) for r in reports for f in r.record.fixtures), key=lambda at: -at[1].seconds)[:_SLOWEST]


def expected_in(shards: Iterable[dict[str, Any]]) -> list[str]:
    """Return the outcomes of tests that were expected to fail which a shard has any of."""
    return [outcome for outcome in EXPECTED if any(outcome in shard["counts"] for shard in shards)]


def when(report: Report) -> str:
    """Return how long a run took, on how many workers, which shard it was, and when it began."""
    record = report.record
    at = datetime.fromtimestamp(record.started or 0.0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    workers = len({t.worker for t in record.tests.values() if t.worker})
    many = f" on {plural(workers, 'worker')}" if workers else ""
    part = f", shard {record.shard.index} of {record.shard.count}" if record.shard else ""
    return f"{duration(record.seconds)}{many}{part}, {at}"
