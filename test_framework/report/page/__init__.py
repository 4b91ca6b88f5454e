"""One page of HTML for a run of one or several tiers: the verdict first, then what is behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.atomic import replace_file
from test_framework.report.html import render
from test_framework.report.page import sections
from test_framework.report.page.data import data
from test_framework.report.page.timeline import COLUMNS, timeline
from test_framework.report.wording import (
    duration,
    headline,
    leaks_by_resource,
    outcome_line,
    remedies,
    unavailable_attempts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_framework.report.stored import Report

__all__ = ["page", "write_page"]


def write_page(path: Path, name: str, reports: Sequence[Report]) -> None:
    """Write the page whole or not at all.

    Raises:
        OSError: It cannot be written.
        BadSetting: jinja2 is not installed.
    """
    # What a test says need not be text; for the script such an escape is one of JSON.
    replace_file(path, page(name, reports).encode(errors="backslashreplace"))


def page(name: str, reports: Sequence[Report]) -> str:
    """Return the page.

    Args:
        name: The project's.
        reports: One for each tier; those that are red come first.

    Raises:
        BadSetting: jinja2 is not installed.
    """
    return render(
        Path(__file__).with_name("page"),
        {"duration": duration, "thousands": "{:,}".format},
        title=f"Tests of {name}",
        skip="failures" if reports else "verdict",
        reports=sorted(reports, key=lambda report: not report.red),
        # By the names of their templates.
        sections={
            "failures": "Failures",
            "services": "Services",
            "skips": "Skips",
            "slowest": "Slowest",
            "timeline": "Timeline",
        },
        columns=COLUMNS,
        data=data,
        expected_in=sections.expected_in,
        failures=sections.failures,
        headline=headline,
        leaks_by_resource=leaks_by_resource,
        named=sections.NAMED,
        remedies=remedies,
        outcome_line=outcome_line,
        services=sections.services,
        skips=sections.skips,
        slowest=sections.slowest_tests,
        slowest_fixtures=sections.slowest_fixtures,
        timeline=timeline,
        when=sections.when,
        whole=sections.WHOLE,
        unavailable_attempts=unavailable_attempts,
    )
