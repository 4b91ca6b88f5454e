"""Which files a run of a tier, or of a `--pattern`, collects."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.config.tiers import fits, path_of, tier_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings


def use_paths(config: pytest.Config, settings: Settings, tier: str) -> None:
    """Take the tier's paths where the command line has none; what it names has to be of the tier.

    Raises:
        pytest.UsageError: A file is named that is not: the tier's report and its verdict would be those of others.
    """
    if config.args_source is config.ArgsSource.ARGS:
        for word, path in _named(config):
            if (own := tier_of(settings, path)) != tier:
                raise pytest.UsageError(_wrong_tier_message(word, own, tier))
        return
    pattern: str | None = config.option.pattern
    named = [path for path in settings.tier(tier).paths if pattern is None or _may_fit(settings.root, path, pattern)]
    config.args = [str(settings.root / path) for path in named]


def _named(config: pytest.Config) -> Iterator[tuple[str, Path]]:
    """Yield the files that are named, each with its word; of a folder pytest asks for each file below it."""
    for word in config.args:
        name = path_of(word)
        path = config.invocation_params.dir / (_of_module(name) if config.option.pyargs else name)
        if path.is_file():
            yield word, Path(os.path.normpath(path))  # links stay what they are, as for pytest


def _of_module(name: str) -> str:
    """Return the file of a module, or what was given, which may be a path as well."""
    try:
        spec = find_spec(name)
    except (AttributeError, ImportError, ValueError):
        return name
    return spec.origin if spec and spec.origin and not spec.submodule_search_locations else name


def _wrong_tier_message(word: str, own: str | None, tier: str) -> str:
    """Return what is said of a file of another tier, or of none."""
    if own:
        where, instead = f"of the tier {own}", f"Run pytest --tier {own} {word}"
    else:
        where, instead = "in no tier", "Name it, or a folder above it, in the paths of a tier"
    return f"{word} is {where}, and --tier is {tier}. {instead}, or leave the tier out."


def _may_fit(root: Path, path: str, pattern: str) -> bool:
    """Whether a path of a tier is selected: pytest does not ask of a file that is named."""
    return (root / path).is_dir() or fits(path, pattern)


class CollectionFilter:
    """Leaves files to the tier that names them most closely, and those out that `--pattern` does not select."""

    def __init__(self, settings: Settings, tier: str | None, pattern: str | None) -> None:
        self._settings = settings
        self._tier = tier
        self._pattern = pattern

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Ignore a file that is not of our tier, a folder of another one, and a file that was not asked for."""
        if self._tier and (own := tier_of(self._settings, collection_path)) != self._tier:
            # In a folder of no tier there may be one of ours.
            return True if own or not collection_path.is_dir() else None
        if self._pattern and not collection_path.is_dir():
            path = os.path.relpath(collection_path, self._settings.root).replace(os.sep, "/")
            return None if fits(path, self._pattern) else True
        return None
