"""What follows `--`: words for the pytest of each tier, and among them files and folders, which not every tier has."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config.tiers import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SELECTING = (
    *("-k", "-m", "--deselect", "--ignore", "--last-failed", "--lf", "--pattern", "--splits", "--stepwise", "--sw"),
)
"""How the options of pytest begin, and of its plugins, that leave tests out."""

_WITH_A_VALUE = frozenset(
    (
        *("-c", "--config-file", "--rootdir", "--confcutdir", "--basetemp", "-k", "-m", "-p", "--deselect", "--ignore"),
        *("--ignore-glob", "--junit-xml", "--junitxml", "--log-file", "--cov", "--cov-config", "--durations-path"),
    )
)
"""The options of pytest, and of plugins that are used with us, whose value may look like a file of ours."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The words that follow `--`.

    Attributes:
        options: Those that every tier gets.
        named: The files and folders, with the test that is named in one, such as `tests/test_a.py::test_it`.
    """

    options: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Sequence[str], root: Path) -> Arguments:
        """Read them; the paths are those from the project's root that are there."""
        named = list(_paths(words, root))
        return cls(tuple(word for at, word in enumerate(words) if at not in named), tuple(words[at] for at in named))

    @property
    def leave_out(self) -> bool:
        """Whether they select some of the tests: by an option, or by a path."""
        return bool(self.named) or any(word.startswith(_SELECTING) for word in self.options)


def of_environment(env: Mapping[str, str]) -> list[str]:
    """Return what `PYTEST_ADDOPTS` adds to each run of pytest; what pytest cannot read is pytest's to refuse."""
    try:
        return shlex.split(env.get("PYTEST_ADDOPTS", ""))
    except ValueError:
        return []


def loose(words: Sequence[str]) -> Iterator[int]:
    """Yield where the words are that are neither options nor values of those whose value may look like ours."""
    for at, word in enumerate(words):
        if not word.startswith("-") and not (at and words[at - 1] in _WITH_A_VALUE):
            yield at


def _paths(words: Sequence[str], root: Path) -> Iterator[int]:
    """Yield where the words are that name a file or a folder."""
    for at in loose(words):
        # Of what cannot be a path at all, Path.exists() raises.
        if os.path.exists(root / path_of(words[at])):  # noqa: PTH110
            yield at
