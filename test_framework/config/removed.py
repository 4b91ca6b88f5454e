"""Settings that are no more: whoever still has one is told what takes its place."""

from __future__ import annotations

from test_framework.config.model import BadSetting

_RUFF = "[tool.ruff.lint.flake8-tidy-imports"
_REMOVED = {
    "audit.forbidden": f"use ruff's TID251, and list the imports in {_RUFF}.banned-api]",
    "audit.absolute_imports": f'use ruff\'s TID252, and set ban-relative-imports = "all" in {_RUFF}]',
}


def refuse_removed(key: str, name: str, source: str) -> None:
    """Raise `BadSetting` for a setting that is no more, and name what takes its place.

    Args:
        key: The key with its table, as `audit.forbidden`.
        name: The key or the variable as it was written.
        source: Where it was written.
    """
    if instead := _REMOVED.get(key):
        raise BadSetting(f"{name} in {source} is no longer a setting: {instead}.")
