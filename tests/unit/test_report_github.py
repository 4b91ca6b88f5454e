"""Errors that GitHub marks in the source: the gate first, then failures, each in its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.report.github import errors
from test_framework.report.record import Failure, Record
from test_framework.report.stored import Report
from tests.support.browser import HOSTILE
from tests.support.reports import GREEN, RED, green, red


def test_errors_beside_their_lines() -> None:
    """The gate first, then each failure with its place in the repository; special characters are escaped."""
    told = list(errors(red(), Path("/repo/service"), "/repo"))
    assert told[0] == "::error title=tier integration::2 skips not allowed: socket-missing"
    name = f"tests/integration/test_orders.py%3A%3Atest_order[20 {HOSTILE}]"
    at = "file=service/tests/integration/test_orders.py,line=60"
    assert told[1] == f"::error {at},title={name}::AssertionError: lost"
    assert len(told) == 4


@pytest.mark.parametrize(("gate", "failures"), [(GREEN, 10), (RED, 9)])
def test_no_more_errors_than_github_shows(gate: dict[str, object], failures: int) -> None:
    """Ten of a step; the gate must be among them."""
    record = Record("unit")
    for number in range(30):
        test = record.test(f"test_{number}")
        test.outcome, test.failure = "failed", Failure("50%, or\nless: fine", "t.py", number, "")
    told = list(errors(Report.of(record, gate), Path("/repo"), "/repo"))
    assert len(told) == 10
    assert [line.endswith("::50%25, or%0Aless: fine") for line in told].count(True) == failures


def test_without_a_failure_nothing_is_said() -> None:
    """No error where all is well."""
    assert list(errors(green(), Path("/repo"), "/repo")) == []
