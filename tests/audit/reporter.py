"""A plugin of pytest that writes which files were collected and which were not, one JSON object a line.

It is loaded by `-p reporter` from its own folder, so that the environment of the audited project needs nothing of ours.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PLACE = re.compile(r'^(?:E? +File ")?([^\s"]+\.py(?:", line |:)\d+)', re.M)


@cache
def _sample() -> tuple[Path, ...]:
    """Return the test files that are asked about; all of them when there are none."""
    return tuple(map(Path, json.loads(os.environ["REPORTER_SAMPLE"])))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what is not asked about. What a conftest leaves out stays out, as it would not if pytest were given it.

    A package's `__init__.py` is imported also when it is left out, as it is when nothing is.
    """
    if not _sample() or collection_path in _sample():
        return None
    return None if any(path.is_relative_to(collection_path) for path in _sample()) else True


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write a line for each file, folder or package that was looked into."""
    if "::" in report.nodeid:
        return
    text = str(report.longrepr) if report.failed else ""
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    error = errors[-1] if errors else text[-200:]
    places = PLACE.findall(text)
    _write(path=report.nodeid, outcome=report.outcome, error=f"{' < '.join(places[-1:])}: {error[:300]}")


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write a last line with the exit status."""
    _write(path="", outcome="end", error=str(int(exitstatus)))


def _write(**line: str) -> None:
    with open(os.environ["REPORTER"], "a", encoding="utf-8") as file:  # noqa: PTH123  # as fast as it can be
        file.write(json.dumps(line) + "\n")
