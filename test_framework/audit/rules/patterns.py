"""Which names pytest takes for tests: the audited project's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Patterns"]


@dataclass(frozen=True, slots=True)
class Patterns:
    """`python_classes` and `python_functions`: each a prefix, or a pattern when it has one of `*?[`."""

    classes: tuple[str, ...] = ("Test",)
    functions: tuple[str, ...] = ("test",)

    def is_class(self, name: str) -> bool:
        """Whether pytest collects a class of this name."""
        return any(_matches(name, pattern) for pattern in self.classes)

    def is_function(self, name: str) -> bool:
        """Whether pytest collects a function of this name."""
        return any(_matches(name, pattern) for pattern in self.functions)


def _matches(name: str, pattern: str) -> bool:
    """As in `PyCollector._matches_prefix_or_glob_option` of pytest."""
    return name.startswith(pattern) or (any(mark in pattern for mark in "*?[") and fnmatchcase(name, pattern))
