"""A plugin of pytest that writes how much was collected, for `run --collect-only`; it is loaded by that alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from test_framework.runner import COLLECTED_TO


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where."""
    parser.addoption(COLLECTED_TO, metavar="FILE", help="write how much was collected")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the numbers of tests, of files that have them, and of what could not be collected."""
    to: str | None = session.config.getoption(COLLECTED_TO)
    if to is None:
        return
    items = getattr(session, "items", [])
    told = {"tests": len(items), "files": len({item.path for item in items}), "errors": session.testsfailed}
    Path(to).write_text(json.dumps(told), encoding="utf-8")
