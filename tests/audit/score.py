"""Runs the audit over a suite of `tests.audit.suite` and prints its recall and precision for each kind of defect.

    python -m tests.audit.score DIR [--json FILE] [--aim 0.99] [--show 20]

A cause is found when the audit names the test file, the kind of the cause, the file in which it lies and its line. A
finding of a rule is found when the audit names the file and the rule, with a line of the statement. Everything else
that it says is a false alarm of the kind to whose files it belongs: the planted ones, or those that look like them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.audit.command import Refused, audited

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = "(plain files)"


@dataclass(slots=True)
class Score:
    """How often each kind was planted, found and wrongly said, with what was missed and what was false."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def recall(self, kind: str) -> float:
        """Return the share of what was planted that was found."""
        return self.found[kind] / self.planted[kind] if self.planted[kind] else 1.0

    def precision(self, kind: str) -> float:
        """Return the share of what was said that is true."""
        said = self.found[kind] + self.false[kind]
        return self.found[kind] / said if said else 1.0


def main() -> int:
    """Run the audit, print the table, and return 1 below the aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder that tests.audit.suite wrote")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--aim", type=float, default=0.99, help="recall and precision in total (0.99)")
    parser.add_argument("--show", type=int, default=20, help="misses and false alarms to print (20)")
    given = parser.parse_args()
    manifest = json.loads((given.dir / "manifest.json").read_text(encoding="utf-8"))
    try:
        told, seconds = audited(given.dir / "project", sys.executable)
    except Refused as refused:
        sys.exit(str(refused))
    score = compared(manifest, told)
    total = _total(score)
    print(f"{told['files']} files, {seconds:.1f} s\n")
    print("\n".join(table(score)))
    for title, lines in (("Missed", score.misses), ("False alarms", score.alarms)):
        print(f"\n{title}: {len(lines)}")
        print("\n".join(_spread(lines)[: given.show]))
    if given.json:
        given.json.write_text(json.dumps(figures(score), indent=1) + "\n", encoding="utf-8")
    return 0 if min(total) >= given.aim else 1


def compared(manifest: dict[str, Any], told: dict[str, Any]) -> Score:
    """Return the score of what the audit told."""
    score = Score()
    owner = defaultdict(lambda: PLAIN)
    for plant in manifest["plants"]:
        for path in [*plant["tests"], *plant["fine"]]:
            owner[path] = plant["kind"]
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
            score.alarms.append(
                f"{kind}: {one['test_file']}: {one['kind']} {one['target']} at {one['at']}:{one['line']}"
            )
    for path in sorted({*manifest["clutter"]} & {one["test_file"] for one in said}):
        score.alarms.append(f"clutter: {path}")
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
    score.misses.append(f"{plant['kind']}: {test}: {place}; {why}")
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


def _spread(lines: list[str]) -> list[str]:
    """Return the lines so that each kind has its first ones near the beginning."""
    seen: Counter[str] = Counter()
    numbered = []
    for line in lines:
        kind = line.partition(":")[0]
        numbered.append((seen[kind], line))
        seen[kind] += 1
    return [line for _, line in sorted(numbered, key=lambda pair: pair[0])]


def _total(score: Score) -> tuple[float, float]:
    found, false = score.found.total(), score.false.total()
    return found / max(score.planted.total(), 1), found / max(found + false, 1)


def table(score: Score) -> Iterator[str]:
    """Yield the table: a line for each kind, the worst first, and the total."""
    yield "| kind | planted | found | recall | look-alikes | false alarms | precision |"
    yield "|---|---|---|---|---|---|---|"
    kinds = {*score.planted, *score.false}
    for kind in sorted(kinds, key=lambda k: (min(score.recall(k), score.precision(k)), k)):
        cells = [kind, score.planted[kind], score.found[kind], f"{score.recall(kind):.3f}"]
        cells += [score.alike[kind], score.false[kind], f"{score.precision(kind):.3f}"]
        yield f"| {' | '.join(map(str, cells))} |"
    recall, precision = _total(score)
    sums = [score.planted.total(), score.found.total(), f"{recall:.4f}", score.alike.total(), score.false.total()]
    yield f"| all {len(score.planted)} kinds | {' | '.join(map(str, sums))} | {precision:.4f} |"


def figures(score: Score) -> dict[str, Any]:
    """Return what `--json` writes."""
    recall, precision = _total(score)
    kinds = {k: {"recall": score.recall(k), "precision": score.precision(k)} for k in sorted(score.planted)}
    return {"recall": recall, "precision": precision, "kinds": kinds, "misses": score.misses, "alarms": score.alarms}


if __name__ == "__main__":
    sys.exit(main())
