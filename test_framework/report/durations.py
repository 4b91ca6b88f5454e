"""How long each test takes, in the project's one file of durations: by it shards are cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from test_framework import inputs
from test_framework.atomic import replace_file
from test_framework.report.parsing import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from test_framework.report.record import Record

LEAST_SECONDS = 0.001
"""What the file tells apart, and what any test is taken to last at least."""

_WHOLE = ("passed", "xfailed", "xpassed")


def read(path: Path) -> dict[str, float]:
    """Return the seconds of each test by its id; none when the file is not there.

    The form is that of pytest-split: one JSON object.

    Raises:
        ValueError: The file holds something else; the message names it.
        OSError: It cannot be read.
    """
    try:
        text = inputs.read_text(path)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a file of durations: {error}") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a file of durations: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} is not a file of durations: it is no table")  # noqa: TRY004  # what is wrong is the file
    found = {}
    for nodeid, value in data.items():
        try:
            found[nodeid] = max(seconds(value), LEAST_SECONDS)
        except ValueError as error:
            raise ValueError(f"{path} is not a file of durations: of {nodeid!r}, {error}") from error
    return found


def durations_of(records: Iterable[Record]) -> dict[str, float]:
    """Return the seconds of each test that came to its end: those of one that failed or was skipped say nothing."""
    tests = (test for record in records for test in record.tests.values())
    return {test.nodeid: test.seconds for test in tests if test.collected and test.outcome in _WHOLE}


def write(path: Path, durations: Mapping[str, float]) -> None:
    """Write the file: a test on each line, sorted, in thousandths of a second, so that a diff can be read."""
    told = {nodeid: max(round(took, 3), LEAST_SECONDS) for nodeid, took in sorted(durations.items())}
    replace_file(path, (json.dumps(told, indent=0) + "\n").encode())
