"""What is left of a tier's run: its report, the page where the settings ask for it, and what GitHub and GitLab show."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from test_framework.config import Settings
    from test_framework.gate import Verdict
    from test_framework.report.record import Record


@dataclass(frozen=True, slots=True)
class WrittenReports:
    """The paths of what was written of a run, the report first, and a line for each thing that went wrong."""

    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def write(record: Record, verdict: Verdict, settings: Settings, junit: str | None) -> WrittenReports:
    """Write the files; what goes wrong with one, but for the report, is told and takes nothing else with it.

    Args:
        record: The run.
        verdict: What the gate says of it.
        settings: Say where the files go.
        junit: The path of what pytest wrote, as it was given; None for nothing.
    """
    path = settings.reports_folder / f"{record.tier}.json"
    record.write(path, verdict.to_json())
    files = [os.path.relpath(path)]
    problems: list[str] = []
    link = None
    if settings.html:
        from test_framework.report.gitlab import link as to_page
        from test_framework.report.page import write_page
        from test_framework.report.stored import stored

        page = settings.reports_folder / "index.html"
        with _collecting_problems(page, problems):
            # The reports of other tiers may be of any age: one that cannot be used is left out, and told of.
            reports, unusable = stored(settings.reports_folder, settings.tiers)
            problems += unusable
            write_page(page, settings.root.name, reports)
            files.append(os.path.relpath(page))
            link = to_page(page, os.environ)
    if junit:
        from test_framework.report.junit import finish

        with _collecting_problems(junit, problems):
            # As pytest reads it.
            finish(Path(os.path.expandvars(junit)).expanduser(), link)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        from test_framework.report.markdown import append
        from test_framework.report.stored import Report

        with _collecting_problems(summary, problems):
            append(summary, [Report.of(record, verdict.to_json())])
    return WrittenReports(tuple(files), tuple(problems))


@contextmanager
def _collecting_problems(path: Path | str, problems: list[str]) -> Iterator[None]:
    """Make a line of what goes wrong, a fault of ours too: the verdict does not depend on it."""
    try:
        yield
    except OSError as error:
        problems.append(f"{path} cannot be written: {error.strerror}")
    except (ValueError, BadSetting) as error:
        problems.append(f"{path} cannot be written: {error}")
    except Exception as error:  # noqa: BLE001  # see above
        problems.append(f"{path} cannot be written: {type(error).__name__}: {error}")


def annotate(terminal: pytest.TerminalReporter, record: Record, verdict: Verdict, root: Path) -> None:
    """Let GitHub mark failures in the source."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from test_framework.report.github import errors
    from test_framework.report.stored import Report

    place = os.environ.get("GITHUB_WORKSPACE") or os.curdir
    for line in errors(Report.of(record, verdict.to_json()), root, place):
        terminal.write_line(line)
