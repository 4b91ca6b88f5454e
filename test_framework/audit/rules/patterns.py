"""Which names pytest takes for tests: the audited project's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

_MARKS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Patterns:
    """`python_classes` and `python_functions`: each a prefix, or a pattern when it has one of `*?[`."""

    classes: tuple[str, ...] = ("Test",)
    functions: tuple[str, ...] = ("test",)

    def is_class(self, name: str) -> bool:
        """Whether pytest collects a class of this name."""
        return name.startswith(self.classes) or _is_like(name, self.classes)

    def is_function(self, name: str) -> bool:
        """Whether pytest collects a function of this name."""
        return name.startswith(self.functions) or _is_like(name, self.functions)


def _is_like(name: str, patterns: tuple[str, ...]) -> bool:
    """As in `PyCollector._matches_prefix_or_glob_option` of pytest."""
    return any(fnmatchcase(name, pattern) for pattern in patterns if not _MARKS.isdisjoint(pattern))
