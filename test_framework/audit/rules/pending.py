"""Findings that depend on other files of the project."""

from __future__ import annotations

from typing import NamedTuple


class PendingCheck:
    """The condition under which a pending finding is confirmed."""

    CHECKS = 0  # nothing that the test `what` uses checks
    TESTS = 1  # none of the names `what`, with spaces between, is a test or a class of tests
    RAISES = 2  # the helper `what` (its module, the level of the import, its name there) can never raise


class PendingFinding(NamedTuple):
    """A finding that is confirmed or dropped by looking at other files; its fields can be marshalled."""

    line: int
    rule: str
    test: str
    message: str
    ask: int
    what: str
