"""The golden path on staging, and its service levels. What is made there has a run id in its name, and is deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from test_framework.e2e.events import EVENT_ORDER, EventRecorder
from test_framework.e2e.levels import LEVELS, Measurements
from test_framework.e2e.user import User
from test_framework.reasons import Code
from test_framework.resolution import Reason
from tests.support.staging import judge
from tests.support.users import ask_at_once, many

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.e2e.deployment import Deployment

pytestmark = [pytest.mark.staging, pytest.mark.staging_safe, pytest.mark.requires("backend")]


def test_a_message_yields_five_events_and_a_thread(deployment: Deployment, run_id: str) -> None:
    """A new user logs in, connects and asks: five events in order come, and question and answer stay."""
    with User.temporary(deployment, run_id) as user:
        recorder = EventRecorder(user.request("GET", "/schemas/events.json").json())
        with user.connect(recorder=recorder) as socket:
            accepted, _ = socket.run("calc: 6 * 7")
        recorder.check_order(accepted.run_id, EVENT_ORDER)
        recorder.check_schema()
        recorder.check_sequence()
        recorder.check_owner([accepted.run_id])
        answer, question = user.messages(accepted.thread_id)
    assert (question["role"], question["text"]) == ("user", "calc: 6 * 7")
    assert (answer["role"], answer["run_id"]) == ("assistant", accepted.run_id)
    assert "42" in answer["text"]


def test_service_levels(
    deployment: Deployment, run_id: str, framework_settings: Settings, request: pytest.FixtureRequest
) -> None:
    """Many users at once connect, get their first event and their result in time, and each event without delay."""
    levels = framework_settings.levels
    measured = Measurements()
    with many(deployment, run_id, levels.concurrent_users) as users:
        asyncio.run(ask_at_once(users, measured))
    for name in LEVELS:
        seconds = measured.percentiles(name)
        request.node.user_properties.extend((f"{name}.{key}", round(value, 4)) for key, value in seconds.items())
    missed = [told for name in LEVELS if (told := _missed(measured, framework_settings, name))]
    judge(*(_too_slow(deployment, told) for told in missed))
    assert measured.percentiles("connect")["count"] == levels.concurrent_users


def _missed(measured: Measurements, settings: Settings, name: str) -> str | None:
    """Return how a level was missed, in one line."""
    try:
        measured.check(settings.levels, name)
    except AssertionError as error:
        return str(error).splitlines()[0]
    return None


def _too_slow(deployment: Deployment, error: str) -> Reason:
    return Reason.of(Code.TOO_SLOW, url=deployment.backend_url, error=error, source="STAGING_BACKEND_URL")
