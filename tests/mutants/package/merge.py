"""Faults of reports that are read back and merged: what is missing, red or foreign goes unnoticed."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_MERGE = "test_framework/report/merge.py"
_STORED = "test_framework/report/stored.py"
_TESTS = ("tests/unit/test_report_merge.py",)

MUTANTS = (
    Mutant(
        "a whole of which one shard was strict is lenient",
        _MERGE,
        "strict = any(report.strict for",
        "strict = all(report.strict for",
        _TESTS,
    ),
    Mutant(
        "shards are compared by how many tests ran, and not by which",
        _MERGE,
        "ran_all.sha256 == whole.sha256",
        "ran_all.tests == whole.tests",
        _TESTS,
    ),
    Mutant(
        "a missing shard is no fault",
        _MERGE,
        "interrupted=bool(missing) or any(",
        "interrupted=any(",
        _TESTS,
    ),
    Mutant(
        "a tier's name in a report leads out of its folder",
        _STORED,
        "if not is_name(name := _text(value)):",
        "if not (name := _text(value)):",
        ("tests/unit/test_report_stored.py",),
    ),
    Mutant(
        "a tier's name in the settings leads out of the report folder",
        "test_framework/config/load.py",
        "not is_name(name)",
        "not name",
        ("tests/unit/test_config.py",),
    ),
    Mutant(
        "a report whose counts are not those of its tests is read",
        _STORED,
        'if (counts, data["outcome"]) != (record.counts, record.outcome):',
        'if data["outcome"] != record.outcome:',
        ("tests/unit/test_report_stored.py",),
    ),
)
