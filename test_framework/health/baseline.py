"""The baseline: what the suite was when somebody was content with it, as JSON that is committed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.atomic import replace_file
from test_framework.health.errors import HealthError
from test_framework.health.snapshot import SuiteSnapshot

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = 1
_SAVE = "python -m test_framework health save"
_RESTORE = f"Restore it (git checkout), or remove it and write another: {_SAVE}"


def read_baseline(path: Path) -> SuiteSnapshot:
    """Return the baseline.

    Raises:
        HealthError: There is none, or it is not one.
    """
    try:
        data = json.loads(inputs.read_text(path))
    except FileNotFoundError:
        raise HealthError(f"there is no baseline at {path}. Write one: {_SAVE}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise HealthError(f"the baseline {path} cannot be read: {error}. {_RESTORE}") from error
    if not isinstance(data, dict) or data.get("version") != _VERSION:
        raise HealthError(f"{path} is not a baseline of version {_VERSION}. {_RESTORE}")
    try:
        return SuiteSnapshot.from_json(data)
    except ValueError as error:
        raise HealthError(f"{path} is not a baseline: {error}. {_RESTORE}") from error


def write_baseline(path: Path, snapshot: SuiteSnapshot) -> None:
    """Write a baseline in the place of an earlier one; whatever else is there is left alone.

    Raises:
        HealthError: Something else is there, or it cannot be written.
    """
    data: dict[str, Any] = {"version": _VERSION, "saved": datetime.now(UTC).date().isoformat()}
    try:
        if path.exists():
            read_baseline(path)
        replace_file(path, (json.dumps(data | snapshot.to_json(), indent=2) + "\n").encode())
    except OSError as error:
        raise HealthError(f"the baseline {path} cannot be written: {error.strerror}.") from error
