"""A plugin of pytest that writes which files were collected and which were not, one JSON object a line.

It is loaded by `-p reporter` from its own folder, so that the environment of the audited project needs nothing of ours.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PLACE = re.compile(r'^(?:E? +File ")?([^\s"]+\.py(?:", line |:)\d+)', re.M)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write a line for each file, folder or package that was looked into."""
    if "::" in report.nodeid:
        return
    text = str(report.longrepr) if report.failed else ""
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    error = errors[-1] if errors else text[-200:]
    places = PLACE.findall(text)
    line = {"path": report.nodeid, "outcome": report.outcome, "error": f"{' < '.join(places[-1:])}: {error[:300]}"}
    with open(os.environ["REPORTER"], "a", encoding="utf-8") as file:  # noqa: PTH123  # as fast as it can be
        file.write(json.dumps(line) + "\n")
