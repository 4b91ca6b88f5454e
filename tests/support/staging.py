"""What the tests of staging share: what a reason does to a test, and users that are deleted whatever happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.user import User
from test_framework.plugin.lease import ReasonedSkip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.e2e.deployment import Deployment
    from test_framework.staging.steps import Step
    from test_framework.verdict import Reason

__all__ = ["judge", "latencies", "users"]


def judge(*reasons: Reason | None) -> None:
    """End the test for these: it fails for what is broken, all of it at once, and is skipped for what is unavailable.

    None is no reason. Without a reason the test goes on.
    """
    if broken := [f"{reason}. {reason.remedy}" for reason in reasons if reason and reason.broken]:
        pytest.fail("\n".join(broken), pytrace=False)
    for reason in filter(None, reasons):
        raise ReasonedSkip(reason)


def latencies(name: str, steps: Iterable[Step]) -> list[tuple[str, object]]:
    """Return the seconds of the steps as properties of a test, for the JUnit report."""
    return [(f"{name}.{step.name}.seconds", round(step.seconds, 4)) for step in steps]


@contextmanager
def users(deployment: Deployment, run_id: str, count: int) -> Iterator[list[User]]:
    """Register so many users at once, and delete them afterwards, also when not all could be registered."""
    with ThreadPoolExecutor(count) as pool:
        made = [pool.submit(User.new, deployment, run_id) for _ in range(count)]
        try:
            yield [each.result() for each in made]
        finally:
            list(pool.map(_forget, [each.result() for each in made if not each.exception()]))


def _forget(user: User) -> None:
    with user:
        user.forget()
