"""Staging: which addresses are configured, and whether they answer, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.reasons import Code
from test_framework.resolution import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["URLS", "configured"]

URLS = (
    "STAGING_BACKEND_URL",
    "STAGING_AUTH_URL",
    "STAGING_WEBSOCKET_URL",
    "STAGING_FRONTEND_URL",
    "STAGING_POSTGRES_URL",
    "STAGING_REDIS_URL",
    "STAGING_CLICKHOUSE_URL",
)


def configured(env: Mapping[str, str]) -> Reason | None:
    """Return why staging cannot be used at all: that no address of it is set; None when one is."""
    if any(env.get(name) for name in URLS):
        return None
    return Reason.of(Code.NOT_CONFIGURED, what="staging", variables="STAGING_BACKEND_URL or another STAGING_…_URL")
