"""Providers: where a server comes from. Each module here is one, and holds it as `PROVIDER`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from test_framework.contracts import Provider

__all__ = ["get"]


def get(name: str) -> Provider:
    """Import a provider; the settings have already refused a name that is not there."""
    provider: Provider = import_module(f"{__name__}.{name}").PROVIDER
    return provider
