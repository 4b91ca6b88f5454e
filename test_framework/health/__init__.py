"""The health of a suite: a baseline, what has become worse since, the history by run, and a page with its trends."""

from __future__ import annotations

from test_framework.health.baseline import read_baseline, write_baseline
from test_framework.health.errors import HealthError
from test_framework.health.history import HealthRun, append, read_history
from test_framework.health.regressions import Check, compare
from test_framework.health.reports import TierFigures
from test_framework.health.snapshot import SuiteSnapshot, take

__all__ = [
    "Check",
    "HealthError",
    "HealthRun",
    "SuiteSnapshot",
    "TierFigures",
    "append",
    "compare",
    "read_baseline",
    "read_history",
    "take",
    "write_baseline",
]
