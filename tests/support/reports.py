"""Runs to make reports of: a red one with all that a report can hold, a green one, a long one, and shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from test_framework.report.fixtures import FixtureTime
from test_framework.report.record import Failure, Record, Shard
from test_framework.report.stored import Report
from test_framework.resolution import Skip
from tests.support.browser import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GREEN", "POSTGRES", "RED", "attempt", "green", "long", "red", "shard", "written"]

GREEN: dict[str, Any] = {"strict": False, "verdict": "green", "why": None}
RED: dict[str, Any] = {"strict": True, "verdict": "red", "why": "2 skips not allowed: socket-missing"}
STARTED = 1_790_000_000.0
POSTGRES = {"provider": "embedded", "version": "18.4"}
KEPT = "postgres postgresql://app@127.0.0.1:5499/tf_7?passfile=%2Ftmp%2Fpass"


def attempt(provider: str, code: str | None = None, seconds: float = 0.01, at: float = STARTED) -> dict[str, Any]:
    """Return a provider that was tried."""
    why: dict[str, str | None] = {"kind": None, "message": None, "remedy": None}
    if code:
        why = {"kind": "unavailable", "message": f"why: {code} {HOSTILE}", "remedy": f"Mend {code}."}
    return {"provider": provider, "code": code, **why, "seconds": seconds, "at": at}


def red(tier: str = "integration") -> Report:
    """Return a run on two workers with failures, skips, kept databases and fixtures, judged strictly."""
    record = Record(tier, started=STARTED, seconds=10.0)
    outcomes = ["passed"] * 20 + ["failed", "error", "failed", "xfailed"] + ["skipped"] * 2
    for number, outcome in enumerate(outcomes):
        test = record.test(f"tests/{tier}/test_orders.py::test_order[{number} {HOSTILE}]")
        test.outcome, test.seconds, test.start = outcome, round(0.3 + number / 100, 2), round(1 + 0.35 * number, 2)
        test.worker = f"gw{number % 2}"
        if outcome == "skipped":
            record.skips[test.nodeid] = Skip(test.nodeid, "socket-missing", "no socket at /x", "Start Docker.")
            continue
        test.services = {"postgres": dict(POSTGRES)}
        if outcome in {"failed", "error"}:
            message = "AssertionError: lost" if outcome == "failed" else f"OSError: {HOSTILE}"
            test.failure = Failure(
                message, f"tests/{tier}/test_orders.py", 40 + number, f">   assert it\nE   {message}"
            )
            test.kept = [KEPT] if outcome == "failed" else []
    attempts = [attempt("explicit", "not-configured"), attempt("docker", "socket-missing"), attempt("embedded")]
    record.services = {
        "postgres": {**POSTGRES, "attempts": attempts, "note": "asked for 17"},
        "clickhouse": {"provider": None, "version": None, "attempts": [attempt("docker", "image-missing")]},
    }
    record.fixtures = [
        FixtureTime("catalogue", "tests/conftest.py", "session", 2, 1.5, 1.2, "tests/test_orders.py::test_order[0]")
    ]
    return Report.of(record, RED)


def green(tier: str = "unit", tests: int = 5) -> Report:
    """Return a run without workers in which everything passed."""
    return Report.of(_passed(Record(tier, started=STARTED, seconds=tests * 0.02), tests), GREEN)


def long(tests: int = 10_000) -> Report:
    """Return a run of many tests on eight workers, in a hundred files, one in a thousand of which failed."""
    record = Record("unit", started=STARTED, seconds=tests * 0.02 / 8)
    for number in range(tests):
        test = record.test(f"tests/unit/api/test_module_{number % 100:03}.py::TestThing::test_does_it[case-{number}]")
        test.outcome, test.seconds, test.start = "passed", 0.02, number // 8 * 0.02
        test.worker, test.services = f"gw{number % 8}", {"postgres": dict(POSTGRES)}
        if number % 1000 == 999:
            test.outcome = "failed"
            test.failure = Failure(f"AssertionError: {number}", "tests/unit/api/test_module.py", 9, "E   lost\n" * 90)
    record.services = {"postgres": {**POSTGRES, "attempts": [attempt("embedded")]}}
    return Report.of(record, GREEN)


def shard(index: int, count: int, tests: int = 4, tier: str = "unit", provider: str = "docker") -> Report:
    """Return the run of a shard: of `tests` tests each, and of a file that every shard skips as a whole."""
    record = Record(tier, started=STARTED + index, seconds=1.0 + index, shard=Shard(index, count))
    _passed(record, tests, first=index * tests)
    file = "tests/unit/test_windows.py"
    whole = record.test(file)
    whole.outcome, whole.collected = "skipped", False
    record.skips[file] = Skip(file, "skipped-by-test", "only on Windows", "Mend it.")
    record.services = {"postgres": {"provider": provider, "version": "17.2", "attempts": [attempt(provider)]}}
    return Report.of(record, {**GREEN, "why": "1 skip not allowed: skipped-by-test"})


def written(report: Report, path: Path) -> Path:
    """Write a report; return where."""
    gate = {"strict": report.strict, "verdict": "red" if report.red_gate else "green", "why": report.why}
    report.record.write(path, gate)
    return path


def _passed(record: Record, tests: int, first: int = 0) -> Record:
    for number in range(first, first + tests):
        test = record.test(f"tests/unit/test_money.py::test_sum[{number}]")
        test.outcome, test.seconds, test.start = "passed", 0.02, (number - first) * 0.02
    return record
