"""The tiers that every project has, before its own settings say otherwise."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from test_framework.config.model import TierSettings

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config.model import Settings

_DATABASES = ("postgres", "redis")

TIERS: dict[str, TierSettings] = {
    "unit": TierSettings(paths=("tests/unit",), network=False),
    "integration": TierSettings(paths=("tests/integration",), services=_DATABASES),
    "smoke": TierSettings(paths=("tests/smoke",), services=_DATABASES),
    "e2e": TierSettings(paths=("tests/e2e",), services=_DATABASES),
    "e2e-staging": TierSettings(paths=("tests/e2e/staging",), providers=("staging",)),
    "mission-critical": TierSettings(paths=("tests/mission_critical",), services=_DATABASES),
    "infrastructure": TierSettings(paths=("tests/infrastructure",)),
    "performance": TierSettings(paths=("tests/performance",), services=_DATABASES),
}


_NAME = re.compile(r"\w[\w.-]{0,99}")
"""A tier has files of its name: it must not lead out of their folder, and has to be short enough for them."""


def is_name(text: str) -> bool:
    """Whether a tier, a layer or a mode may have this name."""
    return bool(_NAME.fullmatch(text))


def fits(path: str, pattern: str) -> bool:
    """Whether `--pattern` selects a file.

    Args:
        path: Of the file, from the project's root, with slashes.
        pattern: A part of the path, or with `*`, `?` or `[` the whole of it (the name alone where it has no slash), as
            `fnmatch` has it: `*` stands for slashes too.
    """
    if not any(char in pattern for char in "*?["):
        return pattern in path
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def path_of(word: str) -> str:
    """Return the path of what the command line names, such as `tests/test_a.py::test_it[1]`."""
    return word.partition("[")[0].partition("::")[0]


def tier_of(settings: Settings, path: Path) -> str | None:
    """Return the tier of a file or a folder that was named or found, also where a link has led to the project."""
    return settings.tier_of(path) or settings.tier_of(path.parent.resolve() / path.name)


def lack(settings: Settings, tier: str) -> str:
    """Return why a tier has no place for tests, with where that was said; an empty text when it has one."""
    paths = settings.tier(tier).paths
    origin = settings.origin(f"tiers.{tier}.paths")
    missing = [path for path in paths if not (settings.root / path).exists()]
    if missing:
        return f"{', '.join(missing)} ({origin}) does not exist in {settings.root}"
    return "" if paths else f"it has no paths ({origin})"
