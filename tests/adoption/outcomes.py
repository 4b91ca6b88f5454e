"""What a suite said: the outcome of each of its tests, from JUnit's file, and where two runs of it differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["OUTCOMES", "Outcomes", "differences"]

OUTCOMES = ("passed", "failed", "errors", "skipped", "xfailed")
"""As pytest counts them; `xfailed` failed as it was expected to."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcome of each test of one run, by its name; of a test that has several, all of them.

    Attributes:
        tests: By name.
    """

    tests: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, junit: Path) -> Outcomes:
        """Read JUnit's file; it is our own pytest that has written it."""
        found: dict[str, list[str]] = {}
        for case in ET.parse(junit).iter("testcase"):  # noqa: S314
            name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
            found.setdefault(name, []).extend(_outcomes(case))
        return cls({name: tuple(sorted(outcomes)) for name, outcomes in found.items()})

    def counts(self) -> list[int]:
        """Return how many there are of each of `OUTCOMES`."""
        found = Counter(outcome for outcomes in self.tests.values() for outcome in outcomes)
        return [found[outcome] for outcome in OUTCOMES]


def differences(one: Outcomes, other: Outcomes) -> dict[str, tuple[str, str]]:
    """Return the tests of which two runs say something else, by name, with what each says; `absent` for nothing."""
    names = sorted({*one.tests, *other.tests})
    told = ((name, one.tests.get(name, ("absent",)), other.tests.get(name, ("absent",))) for name in names)
    return {name: (", ".join(mine), ", ".join(theirs)) for name, mine, theirs in told if mine != theirs}


def _outcomes(case: ET.Element) -> list[str]:
    found = ["failed" for _ in case.iter("failure")] + ["errors" for _ in case.iter("error")]
    found += ["xfailed" if told.get("type") == "pytest.xfail" else "skipped" for told in case.iter("skipped")]
    return found or ["passed"]
