"""What is said of a run on the page and in the summary: times, numbers, verdicts, and what to do first."""

from __future__ import annotations

import pytest

from test_framework.report.record import Record
from test_framework.report.stored import Report
from test_framework.report.wording import (
    duration,
    failures_by_message,
    headline,
    plural,
    remedies,
    services_used,
    skip_groups,
    slowest,
)
from test_framework.resolution import Skip
from tests.support.reports import GREEN, RED, green, red, shard


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.00052, "0.52 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (12.345, "12.3 s"),
        (60.0, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (3600.0, "1 h 0 min"),
        (7384.0, "2 h 3 min"),
    ],
)
def test_times_are_told_as_people_do(seconds: float, text: str) -> None:
    """With three figures, and never as a power of ten."""
    assert duration(seconds) == text


@pytest.mark.parametrize(("many", "text"), [(0, "0 tests"), (1, "1 test"), (12345, "12,345 tests")])
def test_numbers_of_things(many: int, text: str) -> None:
    """One is no plural."""
    assert plural(many, "test") == text


@pytest.mark.parametrize(
    ("outcomes", "interrupted", "gate", "told"),
    [
        (["passed", "skipped"], False, GREEN, "1 test passed in 1 tier"),
        (["passed", "failed", "error"], False, GREEN, "unit: 2 of 3 tests failed"),
        (["passed"], True, GREEN, "unit: run incomplete"),
        ([], False, GREEN, "unit: no test ran"),
        (["passed"], False, RED, "unit: 2 skips not allowed: socket-missing"),
        (["failed"], False, RED, "unit: 1 of 1 test failed; 2 skips not allowed: socket-missing"),
    ],
)
def test_the_headline(outcomes: list[str], gate: dict[str, object], told: str, *, interrupted: bool) -> None:
    """Says how much is green, or what is red and why."""
    record = Record("unit", interrupted=interrupted)
    for nodeid, outcome in enumerate(outcomes):
        record.test(str(nodeid)).outcome = outcome
    assert headline([Report.of(record, gate)]) == told


def test_the_headline_names_only_what_is_red() -> None:
    """However many tiers there are."""
    assert headline([green(), red()]).startswith("integration: ")
    assert headline([green("unit", 3), green("smoke", 4)]) == "7 tests passed in 2 tiers"


def test_skips_are_grouped_by_their_reason() -> None:
    """The most frequent first."""
    skips = [Skip(str(n), "a" if n % 3 else "b", "m", "r") for n in range(7)]
    assert [(g.code, g.nodeids) for g in skip_groups(skips)] == [("a", ("1", "2", "4", "5")), ("b", ("0", "3", "6"))]


def test_failures_are_grouped_by_their_words() -> None:
    """In the order of the first of each."""
    assert [(message[:8], len(tests)) for message, tests in failures_by_message(red().record)] == [
        ("Assertio", 2),
        ("OSError:", 1),
    ]


def test_what_to_do_is_told_once() -> None:
    """First what a test waits for, then services that could run on more, then tests that skip themselves."""
    told = [why for _, why in remedies([shard(1, 2), red(), red("e2e")])]
    assert told == [
        "socket-missing: 2 tests skipped",
        "socket-missing: postgres on docker",
        "image-missing: clickhouse on docker",
        "skipped-by-test: 1 test skipped",
    ]


def test_what_ran_on_what() -> None:
    """With the version, what was asked for instead, and how many tests had it."""
    assert list(services_used(red().record)) == [
        ("clickhouse", "unavailable", 0),
        ("postgres", "18.4 (asked for 17) on embedded", 24),
    ]


def test_the_slowest_ran() -> None:
    """A skip is no test that took long, even where its setup did."""
    found = slowest([green(), red()], 3)
    assert [t.seconds for _, t in found] == [0.53, 0.52, 0.51]
