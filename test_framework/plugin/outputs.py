"""What is left of a tier's run: its report, the page where the settings ask for it, and what GitHub and GitLab show."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from test_framework.config import Settings
    from test_framework.gate import Verdict
    from test_framework.report.record import Record

__all__ = ["Written", "annotate", "write"]


@dataclass(frozen=True, slots=True)
class Written:
    """The paths of what was written of a run, the report first, and a line for each thing that went wrong."""

    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def write(record: Record, verdict: Verdict, settings: Settings, junit: Path) -> Written:
    """Write the files; one that cannot be written, but for the report, is told of. `junit` is what pytest wrote."""
    path = settings.reports_folder / f"{record.tier}.json"
    record.write(path, verdict.to_json())
    files, problems = [os.path.relpath(path)], []
    if settings.html:
        from test_framework.report.page import write_page
        from test_framework.report.stored import stored

        # The reports of other tiers may be of any age: one that cannot be used is left out, and told of.
        reports, unusable = stored(settings.reports_folder, settings.tiers)
        page = settings.reports_folder / "index.html"
        try:
            write_page(page, settings.root.name, reports)
            files.append(os.path.relpath(page))
        except OSError as error:
            # The verdict does not depend on it.
            problems.append(f"{page} cannot be written: {error.strerror}")
        else:
            problems += _attached(junit, page)
        problems += unusable
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        from test_framework.report.markdown import append
        from test_framework.report.stored import Report

        try:
            append(summary, [Report.of(record, verdict.to_json())])
        except OSError as error:
            problems.append(f"{summary} cannot be written: {error.strerror}")
    return Written(tuple(files), tuple(problems))


def _attached(junit: Path, page: Path) -> Iterator[str]:
    """On GitLab, link the page to the failed tests in JUnit's file; yield why that cannot be done."""
    if os.environ.get("GITLAB_CI") != "true":
        return
    from test_framework.report.gitlab import attach

    try:
        attach(junit, page, os.environ.get("CI_PROJECT_DIR") or os.curdir)
    except OSError as error:
        yield f"{junit} cannot be linked to the page: {error.strerror}"
    except ValueError as error:
        yield str(error)


def annotate(terminal: pytest.TerminalReporter, record: Record, verdict: Verdict, root: Path) -> None:
    """Let GitHub mark failures in the source."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from test_framework.report.github import errors
    from test_framework.report.stored import Report

    place = os.environ.get("GITHUB_WORKSPACE") or os.curdir
    for line in errors(Report.of(record, verdict.to_json()), root, place):
        terminal.write_line(line)
