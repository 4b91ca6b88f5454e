"""What the last report of each tier says: `reports/TIER.json`, and for timeouts the JUnit file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from test_framework.health.errors import HealthError
from test_framework.report.parsing import count, seconds
from test_framework.report.record import COUNTS, EXPECTED, read

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config import Settings

_TIMED_OUT = "from pytest-timeout"
"""How the message of a test ends that pytest-timeout has ended."""


@dataclass(frozen=True, slots=True)
class TierFigures:
    """One run of a tier; `timeouts` is None when there is no JUnit file to count them in."""

    tests: int
    skipped: int = 0
    failed: int = 0
    timeouts: int | None = 0
    average_seconds: float = 0.0

    def share(self, number: int) -> float:
        """Return a number of tests as a share of all, from 0 to 1."""
        return number / self.tests if self.tests else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "tests": self.tests,
            "skipped": self.skipped,
            "failed": self.failed,
            "timeouts": self.timeouts,
            "average_seconds": self.average_seconds,
        }

    @classmethod
    def from_json(cls, data: Any) -> TierFigures:
        """Return what `to_json` has written.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        timeouts = data["timeouts"]
        return cls(
            count(data["tests"]),
            count(data["skipped"]),
            count(data["failed"]),
            None if timeouts is None else count(timeouts),
            seconds(data["average_seconds"]),
        )


def read_reports(settings: Settings) -> dict[str, TierFigures]:
    """Return the figures of each tier that has a report; a run that was interrupted says nothing.

    Raises:
        HealthError: A report cannot be read, or is none.
    """
    found = {}
    for tier in settings.tiers:
        path = settings.reports_folder / f"{tier}.json"
        if path.is_file() and (figures := _figures(path)):
            found[tier] = figures
    return found


def _figures(path: Path) -> TierFigures | None:
    try:
        report = read(path, ("tier", "outcome", "counts", "tests"))
        told = report["counts"]
        counts = {key: count(told[key]) for key in (*COUNTS, *(key for key in EXPECTED if key in told))}
        took = [seconds(t["seconds"]) for t in report["tests"] if t["outcome"] != "skipped"]
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        told = str(error) if str(path) in str(error) else f"{path} is not a report: {error!r}"
        raise HealthError(f"{told}. Remove it, or run the tier again.") from error
    if report["outcome"] == "interrupted":
        return None
    return TierFigures(
        tests=sum(counts.values()),
        skipped=counts["skipped"],
        failed=counts["failed"] + counts["errors"],
        timeouts=_timeouts(path.with_suffix(".xml")),
        average_seconds=round(sum(took) / len(took), 3) if took else 0.0,
    )


def _timeouts(path: Path) -> int | None:
    if not path.is_file():
        return None
    try:
        cases = ET.parse(path).iter("testcase")  # noqa: S314  # pytest wrote it here
        return sum(any(_TIMED_OUT in result.get("message", "") for result in case) for case in cases)
    except (ET.ParseError, OSError) as error:
        raise HealthError(f"{path} is not a report of JUnit: {error}. Remove it, or run the tier again.") from error
