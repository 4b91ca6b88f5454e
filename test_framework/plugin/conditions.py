"""Conditions that a marker states, for tests that use no service of ours."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from test_framework.reasons import Code
from test_framework.verdict import Reason, Refused

__all__ = ["docker", "google_cloud"]

_GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"


@lru_cache
def docker() -> Reason | None:
    """Ask for the engine, once in this process."""
    from test_framework.providers.docker.probe import probe

    try:
        probe(os.environ)
    except Refused as refused:
        return refused.reason
    return None


def google_cloud() -> Reason | None:
    """Look for the credentials file that Google's own libraries look for."""
    named = os.environ.get(_GOOGLE, "")
    if named and Path(named).is_file():
        return None
    what = f"Google Cloud ({_GOOGLE} names {named}, which is no file)" if named else "Google Cloud"
    return Reason.of(Code.NOT_CONFIGURED, what=what, variables=_GOOGLE)
