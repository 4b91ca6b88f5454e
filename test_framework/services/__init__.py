"""What a test needs. Each module here is one service and holds it as `SERVICE`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from test_framework.config.load import names as _names
from test_framework.config.model import BadSetting

if TYPE_CHECKING:
    from test_framework.contracts import Service

__all__ = ["get", "names"]


def names() -> tuple[str, ...]:
    """Return the services there are."""
    return _names("services")


def get(name: str) -> Service:
    """Import a service.

    Raises:
        BadSetting: There is none of that name.
    """
    if name not in names():
        raise BadSetting.unknown("service", name, "the request", names())
    service: Service = import_module(f"{__name__}.{name}").SERVICE
    return service
