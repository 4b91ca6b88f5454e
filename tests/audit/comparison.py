"""What came of the comparison with pytest: agreement file by file, for each kind of mutation and in total."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Outcome", "summary"]

PRECISION, RECALL = 0.98, 0.97
SOUND, SEVERAL = "(as published)", "(several at once)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A batch: its mutations as kind, path and words; what pytest could not import, and what the audit said."""

    project: str
    batch: int
    mutations: list[list[str]]
    files: list[str]
    sound: int
    truth: dict[str, str]
    said: dict[str, list[str]]
    failure: str
    audited: int

    def kind(self, path: str) -> str:
        """Return the kind of the mutation that a broken file is due to."""
        if not self.mutations:
            return SOUND
        if len(self.mutations) == 1:
            return self.mutations[0][0]
        of_file = [kind for kind, damaged, *_ in self.mutations if damaged == path]
        if of_file:
            return of_file[0]
        text = " ".join([self.truth.get(path, ""), *self.said.get(path, [])])
        named = [kind for kind, damaged, *_ in self.mutations if damaged in text]
        meant = [kind for kind, _, *words in self.mutations if any(word and word in text for word in words)]
        return (named or meant or [SEVERAL])[0]


def summary(outcomes: list[Outcome], show: int) -> tuple[list[str], dict[str, Any]]:
    """Return the tables and the disagreements as lines of Markdown, and the figures with whether the aims are met."""
    agreed, missed, false = Counter[str](), Counter[str](), Counter[str]()
    mutations, whole = Counter[str](), Counter[str]()
    differing: dict[str, list[str]] = defaultdict(list)
    sound_lines = [
        "| project | test files | pytest cannot import | audit | missed | false |",
        "|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        both = set(one.truth) & set(one.said)
        for counter, paths in ((agreed, both), (missed, {*one.truth} - both), (false, {*one.said} - both)):
            counter.update(one.kind(path) for path in paths)
        wrong = sorted({*one.truth} ^ {*one.said})
        for path in wrong:
            error, said = one.truth.get(path, "pytest can import it"), one.said.get(path, one.failure or "nothing")
            due = [m for m in one.mutations if m[0] == one.kind(path)][:1]
            differing[one.kind(path)].append(
                f"{one.project} batch {one.batch}: {path} {due}\n    pytest: {error}\n    audit: {said}"
            )
        kinds_wrong = Counter(one.kind(path) for path in wrong)
        of_batch = Counter(kind for kind, *_ in one.mutations)
        mutations.update(of_batch)
        whole.update({kind: max(n - kinds_wrong[kind], 0) for kind, n in of_batch.items()})
        if not one.mutations:
            cells = [one.project, f"{len(one.files)} (audit {one.audited})", len(one.truth), len(one.said)]
            cells += [len({*one.truth} - both), len({*one.said} - both)]
            sound_lines.append(f"| {' | '.join(map(str, cells))} |")
    lines = [
        *sound_lines,
        "",
        "| mutation | number | all files right | broken files | missed | false | recall | precision |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    kinds = sorted({*agreed, *missed, *false, *mutations} - {SOUND}, key=lambda k: (-missed[k] - false[k], k))
    lines += [_line(k, (mutations[k], whole[k], agreed[k], missed[k], false[k])) for k in kinds]
    sums = [sum(counter[kind] for kind in kinds) for counter in (mutations, whole, agreed, missed, false)]
    lines.append(_line("all", sums))
    for kind in [SOUND, *kinds]:
        lines += (
            ["", f"{kind}: {len(differing[kind])} disagreements", *differing[kind][:show]] if differing[kind] else []
        )
    recall, precision = _shares(*sums[2:])
    reached = recall >= RECALL and precision >= PRECISION and not false[SOUND]
    failures = [f"{one.project} batch {one.batch}: {one.failure}" for one in outcomes if one.failure]
    lines += [f"\nThe audit failed: {line}" for line in failures]
    figures: dict[str, Any] = {
        "mutations": sums[0],
        "recall": recall,
        "precision": precision,
        "reached": reached and not failures,
        "sound_false": false[SOUND],
        "sound_missed": missed[SOUND],
        "kinds": {kind: _shares(agreed[kind], missed[kind], false[kind]) for kind in kinds},
    }
    return lines, figures


def _shares(agreed: int, missed: int, false: int) -> tuple[float, float]:
    return agreed / max(agreed + missed, 1) if missed else 1.0, agreed / max(agreed + false, 1) if false else 1.0


def _line(kind: str, counts: Sequence[int]) -> str:
    number, whole, agreed, missed, false = counts
    recall, precision = _shares(agreed, missed, false)
    cells = [kind, number, whole, agreed + missed, missed, false, f"{recall:.4f}", f"{precision:.4f}"]
    return f"| {' | '.join(map(str, cells))} |"
