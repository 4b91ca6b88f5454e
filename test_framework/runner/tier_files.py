"""Which test files a tier selects: looked up without pytest, so that one that selects none is told of before it starts.

What is left to pytest: files that a `conftest.py` leaves out, and those that no one takes for Python.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config.tiers import fits, path_of, tier_of
from test_framework.suite.discovery import is_test_file, matches_pattern
from test_framework.suite.pytest_settings import read_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.suite.pytest_settings import PytestSettings

_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta/history")


class TierFiles:
    """The test files of a project's tiers, found by its own settings of pytest.

    Raises:
        BadSetting: These cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.root
        self._pytest: PytestSettings = read_pytest_settings(settings.root)
        named = (settings.root / path for tier in settings.tiers.values() for path in tier.paths)
        self._files = {path for path in named if path.is_file()}

    @property
    def names(self) -> tuple[str, ...]:
        """What pytest takes for the name of a test file."""
        return self._pytest.python_files

    def of(self, tier: str, pattern: str | None = None) -> list[str]:
        """Return the paths of a tier's test files, from the project's root; with a pattern those that it selects."""
        found: dict[str, None] = {}
        for entry in self._settings.tier(tier).paths:
            path = self._root / entry
            there = [path] if path.is_file() else self._below(path, tier)
            found |= dict.fromkeys(os.path.relpath(file, self._root).replace(os.sep, "/") for file in there)
        return [path for path in found if pattern is None or fits(path, pattern)]

    def selects(self, tier: str, word: str) -> bool:
        """Whether a file or a folder that is named, with or without a test in it, is a tier's, or has files of it.

        A file that is named is taken for one of tests whatever its name, as pytest takes it.
        """
        path = Path(os.path.normpath(self._root / path_of(word)))
        if path.is_file():
            return tier_of(self._settings, path) == tier
        folder = path.resolve()
        return any((self._root / file).resolve().is_relative_to(folder) for file in self.of(tier))

    def _below(self, top: Path, tier: str) -> Iterator[Path]:
        """Yield the test files in a folder, but for those that another tier names more closely."""
        seen: set[str] = set()
        for name, folders, files in os.walk(top, followlinks=True):
            folder = Path(name)
            seen.add(os.path.realpath(name))  # a link may lead to a folder above it
            entered = (f for f in sorted(folders) if self._is_entered(folder / f, tier))
            folders[:] = [f for f in entered if os.path.realpath(folder / f) not in seen]
            for file in sorted(files):
                path = folder / file
                if not is_test_file(str(path), self._pytest.python_files) or self._is_left_out(path):
                    continue
                # Only of a file that is named by itself can another tier have more of than its folder.
                if path not in self._files or self._settings.tier_of(path) == tier:
                    yield path

    def _is_entered(self, folder: Path, tier: str) -> bool:
        if folder.name == "__pycache__" or any((folder / mark).exists() for mark in _ENVIRONMENTS):
            return False
        if any(matches_pattern(str(folder), pattern) for pattern in self._pytest.norecursedirs) or self._is_left_out(
            folder
        ):
            return False
        return self._settings.tier_of(folder) in (None, tier)

    def _is_left_out(self, path: Path) -> bool:
        """Whether `--ignore` or `--ignore-glob` of the project's own settings leave it out."""
        return str(path) in self._pytest.ignore or any(fnmatch(str(path), glob) for glob in self._pytest.ignore_glob)
