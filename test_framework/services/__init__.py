"""Services that tests need. Each module here is one, and holds it as `SERVICE`; a project can add custom ones."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_framework.config.custom import CustomServiceSettings
from test_framework.config.model import BadSetting
from test_framework.config.values import names as _names

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.contracts import Service
    from test_framework.services._custom import CustomService

__all__ = ["CustomService", "get", "names"]


def __getattr__(name: str) -> Any:
    """Import the class that services of the user's own are made of when somebody wants it."""
    if name != "CustomService":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_framework.services._custom import CustomService

    return CustomService


def names() -> tuple[str, ...]:
    """Return the services that everybody has; `Settings.service_names` has a project's own as well."""
    return _names("services")


def get(name: str, settings: Settings | None = None) -> Service:
    """Return a service.

    Args:
        name: Of the service.
        settings: Those of the project, which may have services of its own.

    Raises:
        BadSetting: There is none of that name, or its class cannot be used.
    """
    table = settings.services.get(name) if settings else None
    if settings and isinstance(table, CustomServiceSettings):
        if table.factory:
            from test_framework.services._factory import service_from_class

            return service_from_class(name, table, settings)
        from test_framework.services._custom import CustomService

        return CustomService(name, table)
    if name not in names():
        raise BadSetting.unknown("service", name, "the request", settings.service_names if settings else names())
    service: Service = import_module(f"{__name__}.{name}").SERVICE
    return service
