"""Test orchestration: every tier on the best services this machine can offer, and exactly why when it has none.

The public interface in Python is what stands in `__all__` here, `test_framework.contracts`,
`test_framework.net.connect` and `test_framework.e2e`. Other modules are internal, and may change in any release: see
`docs/explanation/compatibility.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from test_framework.resolution import Endpoint
    from test_framework.services import CustomService

__all__ = ["CustomService", "Endpoint", "__version__"]

__version__ = "0.1.0"

_MODULES = {"CustomService": "services", "Endpoint": "resolution"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, since pytest imports this package in every run."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
