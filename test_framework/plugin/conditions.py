"""Conditions that a marker states, beside the services that the test uses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.plugin import markers
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.staging import configured

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from test_framework.config import Settings

_GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"


def unmet(
    item: pytest.Item, needed: tuple[str, ...], settings: Settings, no_docker: Callable[[], Reason | None]
) -> Reason | None:
    """Return why a condition that the test states does not hold.

    A test that uses services and insists on a provider is judged by what its services run on, not here.
    `no_docker` asks for the engine, once a run.
    """
    if item.get_closest_marker("gcp_required") and (reason := _google_cloud()):
        return reason
    wanted = None if needed else markers.wanted_provider(item)
    if wanted in settings.disabled:
        return Reason.of(Code.PROVIDER_DISABLED, provider=wanted, source=settings.origin("disabled"))
    if wanted == "staging":
        return configured(os.environ)
    return no_docker() if wanted == "docker" else None


def docker() -> Reason | None:
    """Ask for the engine."""
    from test_framework.providers.docker.probe import probe

    try:
        probe(os.environ)
    except Refused as refused:
        return refused.reason
    return None


def _google_cloud() -> Reason | None:
    """Look for the credentials file that Google's own libraries look for."""
    named = os.environ.get(_GOOGLE, "")
    if named and Path(named).is_file():
        return None
    what = f"Google Cloud ({_GOOGLE} names {named}, which is no file)" if named else "Google Cloud"
    return Reason.of(Code.NOT_CONFIGURED, what=what, variables=_GOOGLE)
