"""Faults of the health check: a suite gets worse, and nobody hears of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a suite that lost its tests has not drifted",
        "health/regressions",
        "before.files / factor <= now.files <=",
        "0 <= now.files <=",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a suite that doubled has not drifted",
        "health/regressions",
        "<= now.files <= before.files * factor",
        "<= now.files",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "the first tests of a suite are a drift",
        "health/regressions",
        "ok = not before.files or",
        "ok =",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a slow discovery has not drifted",
        "health/regressions",
        "ok = not slower_than(before, limits, now.discovery_seconds)",
        "ok = True",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a tenth of a second more is a drift",
        "health/regressions",
        "max(known * limits.discovery_factor, known + limits.discovery_noise_seconds)",
        "known * limits.discovery_factor",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a slow test has not drifted",
        "health/regressions",
        "ok = found <= max(known * limits.duration_factor, known + limits.duration_noise_seconds) + _ROUNDING",
        "ok = True",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a report that is gone is no drift",
        "health/regressions",
        "ok=not strict, before=known.tests",
        "ok=True, before=known.tests",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a folder that cannot be imported any more is no drift",
        "health/regressions",
        "ok = rate >= known - drop - _ROUNDING",
        "ok = True",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "more findings are no drift",
        "health/regressions",
        "found <= known + allowed, known, found",
        "True, known, found",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "more skips are no drift",
        "health/regressions",
        "found <= known + rise + _ROUNDING",
        "True",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "a factor below 1 is taken",
        "health/regressions",
        "if getattr(limits, key) < 1:",
        "if getattr(limits, key) < 0:",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "failures are compared with skips",
        "health/regressions",
        "(known, known.failed), (found, found.failed)",
        "(known, known.failed), (found, found.skipped)",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "the newest runs go from the history",
        "health/history",
        "lines[-kept:]",
        "lines[:kept]",
        "tests/unit/test_health_history.py",
    ),
    _mutant(
        "the history grows without end",
        "health/history",
        "if len(lines) > kept:",
        "if len(lines) < 0:",
        "tests/unit/test_health_history.py",
    ),
    _mutant(
        "a torn line takes the next one with it",
        "health/history",
        '(b"\\n" if torn else b"") + line',
        "line",
        "tests/unit/test_health_history.py",
    ),
    _mutant(
        "two checks at once lose a line",
        "health/history",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        "tests/unit/test_health_history.py",
    ),
    _mutant(
        "one bad line makes the history unreadable",
        "health/history",
        "except (KeyError, TypeError, AttributeError, ValueError, RecursionError):",
        "except (KeyError, AttributeError, RecursionError):",
        "tests/unit/test_health_history.py",
    ),
    _mutant(
        "any file is written over by a baseline",
        "health/baseline",
        "        if path.exists():\n            read_baseline(path)\n",
        "",
        "tests/unit/test_health.py",
    ),
    _mutant(
        "an audit that was cut short is a baseline",
        "health/snapshot",
        "    if not found.complete:",
        "    if found is None:",
        "tests/unit/test_health_cli.py::test_an_audit_that_does_not_end_in_time_says_nothing",
    ),
)
