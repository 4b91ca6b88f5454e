"""What the command line asks of the parts of the proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.audit.projects import RealProject

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes, and where things are kept.

    Attributes:
        cache: Folder of the suite, the projects with their environments, and of what pytest said.
        files: Test files of the generated suite.
        modules: Its other modules.
        megabytes: Its size.
        seed: Another number makes another suite and other mutations.
        projects: The real projects.
        mutations: Over all of them.
        rounds: How often each case of `speed` is measured.
        show: Disagreements that are written out, of each part.
        again: Whether pytest is asked again what it has said before.
        deadline: `time.monotonic()` from which on pytest is asked nothing more about mutations.
    """

    cache: Path
    files: int
    modules: int
    megabytes: float
    seed: int
    projects: tuple[RealProject, ...]
    mutations: int
    rounds: int
    show: int
    again: bool
    deadline: float

    @property
    def late(self) -> bool:
        """Whether the time that was given is over."""
        return time.monotonic() > self.deadline
