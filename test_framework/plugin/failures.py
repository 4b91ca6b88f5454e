"""Why a test failed, for the report: imported when one has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from test_framework.redaction import hide_secrets

if TYPE_CHECKING:
    import pytest

_MESSAGE = 300
_TEXT = 8000
"""Characters of each: what pytest prints of one failure can be megabytes."""


def described(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> dict[str, Any]:
    """Return the fields of `report.record.Failure` for what failed.

    Args:
        report: Of the phase, or of the collection.
        config: Knows the folder that paths are relative to.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    text = hide_secrets(report.longreprtext)
    # The name of pytest's own exception, which pytest.fail raises, says nothing.
    message = hide_secrets(crash.message.removeprefix("Failed: ")) if crash else text
    first = next((line.strip() for line in message.splitlines() if line.strip()), "no message")
    file, line = _place(report, config)
    shown = first if len(first) <= _MESSAGE else f"{first[: _MESSAGE - 1]}…"
    kept = text if len(text) <= _TEXT else f"… {len(text) - _TEXT} characters before this\n{text[-_TEXT:]}"
    return {"message": shown, "file": file, "line": line, "text": kept}


def _place(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> tuple[str, int]:
    """Return the last line of the test's own file that the failure went through, else where the test begins."""
    file, line, _ = getattr(report, "location", (report.nodeid.partition("::")[0], None, ""))
    mine = os.path.abspath(config.rootpath / file)  # noqa: PTH100  # without following links, as pytest has it
    traceback = getattr(report.longrepr, "reprtraceback", None)
    for entry in reversed(getattr(traceback, "reprentries", ())):
        at = getattr(entry, "reprfileloc", None)
        if at and os.path.abspath(config.invocation_params.dir / at.path) == mine:  # noqa: PTH100  # see above
            return file, at.lineno
    return file, (line or 0) + 1
