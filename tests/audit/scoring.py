"""Compares what the audit said of the generated suite with its manifest.

A cause is found when the audit names the test file, the kind of the cause, the file in which it lies and its line. A
finding of a rule is found when the audit names the file and the rule, with a line of the statement. Everything else
that it says is a false alarm of the kind to whose files it belongs: the planted ones, or those that look like them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Score", "compared"]

PLAIN, CLUTTER = "(plain files)", "(not to be collected)"
Line = tuple[str, str, str]
"""A kind, a test file of it, and what was said or not said."""


@dataclass(slots=True)
class Score:
    """How often each kind was planted, found and wrongly said, with what was missed and what was false."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    misses: list[Line] = field(default_factory=list)
    alarms: list[Line] = field(default_factory=list)

    def recall(self, kind: str) -> float:
        """Return the share of what was planted that was found."""
        return self.found[kind] / self.planted[kind] if self.planted[kind] else 1.0

    def precision(self, kind: str) -> float:
        """Return the share of what was said that is true."""
        said = self.found[kind] + self.false[kind]
        return self.found[kind] / said if said else 1.0


def compared(manifest: dict[str, Any], told: dict[str, Any]) -> Score:
    """Return the score of what the audit told."""
    score = Score()
    owner = defaultdict(lambda: PLAIN, dict.fromkeys(manifest["clutter"], CLUTTER))
    for plant in manifest["plants"]:
        owner.update(dict.fromkeys((*plant["tests"], *plant["fine"]), plant["kind"]))
        score.alike[plant["kind"]] += 0 if plant["bad"] else 1
    said = list(_said(told))
    suggestions = {(c["kind"], c["target"]): c.get("suggestion", "") for c in told["causes"]}
    right: set[int] = set()
    by_test: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(said):
        by_test[one["test_file"]].append(number)
    for plant in manifest["plants"]:
        if plant["bad"]:
            for test in plant["tests"]:
                right.update(_judged(score, plant, test, {n: said[n] for n in by_test[test]}, suggestions))
    for number, one in enumerate(said):
        if number not in right:
            kind = owner[one["test_file"]]
            score.false[kind] += 1
            text = f"{one['kind']} {one['target']} at {one['at']}:{one['line']}"
            score.alarms.append((kind, one["test_file"], text))
    return score


def _judged(
    score: Score,
    plant: dict[str, Any],
    test: str,
    said: dict[int, dict[str, Any]],
    suggestions: dict[tuple[str, str], str],
) -> list[int]:
    """Count whether a test file's defect was found; return the numbers of what was rightly said of it."""
    fitting = [n for n, one in said.items() if _fits(plant, one)]
    score.planted[plant["kind"]] += 1
    wanted = plant["suggestion"]
    given = [suggestions.get((said[n]["kind"], said[n]["target"]), "") for n in fitting]
    if fitting and (not wanted or any(wanted in text for text in given)):
        score.found[plant["kind"]] += 1
        return fitting
    others = [f"{one['kind']} {one['at']}:{one['line']}" for one in said.values()]
    why = f"suggested {given}, not {wanted}" if fitting else f"said {others or 'nothing'}"
    place = f"{'|'.join(plant['kinds'])} {plant['path']}:{plant['first']}"
    score.misses.append((plant["kind"], test, f"{place}; {why}"))
    return fitting


def _fits(plant: dict[str, Any], one: dict[str, Any]) -> bool:
    if one["kind"] not in plant["kinds"] or one["at"] != plant["path"]:
        return False
    return bool(plant["first"] <= one["line"] <= plant["last"]) or one["kind"] in {"no-test", "unreached", "name-clash"}


def _said(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything that the audit said, each thing once."""
    for broken in told["broken"]:
        seen = set()
        for cause in broken["causes"] or [{"kind": "?", "target": "", "line": 0, "via": ""}]:
            at = cause["via"] or broken["path"]
            if (cause["kind"], at, cause["line"]) not in seen:
                seen.add((cause["kind"], at, cause["line"]))
                yield {**cause, "test_file": broken["path"], "at": at}
    quality = {(q["path"], q["rule"], q["line"]): q.get("test", "") for q in told["quality"] + told.get("imports", [])}
    for rule, paths in (("no-test", told["empty"]), ("unreached", told["unreached"])):
        for path in paths:
            if not any((p, r) == (path, rule) for p, r, _ in quality):
                quality[path, rule, 1] = ""
    for (path, rule, line), test in quality.items():
        yield {"test_file": path, "at": path, "kind": rule, "line": line, "target": test}
