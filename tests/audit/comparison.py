"""What came of the comparison with pytest: agreement file by file, for each kind of mutation and in total."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.audit.findings import Counts
from tests.performance.findings import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Outcome", "Summary"]

PRECISION, RECALL = 0.98, 0.97
SOUND, SEVERAL = "(as published)", "(several at once)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A batch of mutations on a project.

    Attributes:
        project: The project, with its version.
        batch: The number of the batch; 0 for the project as it was published.
        mutations: Each as its kind, the path or package, and words by which an error that comes of it can be known.
        files: The test files that both were asked about.
        audited: How many test files the audit found in the whole project.
        truth: What pytest could not import, with its error.
        said: What the audit says that pytest could not import, with the causes.
        other: How much else the audit says, by rule.
        seconds: How long the audit took.
    """

    project: str
    batch: int
    mutations: list[list[str]]
    files: set[str]
    audited: int
    truth: dict[str, str]
    said: dict[str, list[str]]
    other: Counter[str]
    seconds: float

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


class Summary:
    """All outcomes, counted."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = outcomes
        self.agreed, self.missed, self.false = Counter[str](), Counter[str](), Counter[str]()
        self.mutations, self.right = Counter[str](), Counter[str]()
        for one in outcomes:
            broken, said = {*one.truth}, {*one.said}
            for counter, paths in (
                (self.agreed, broken & said),
                (self.missed, broken - said),
                (self.false, said - broken),
            ):
                counter.update(one.kind(path) for path in paths)
            wrong = Counter(one.kind(path) for path in broken ^ said)
            number = Counter(kind for kind, *_ in one.mutations)
            self.mutations.update(number)
            self.right.update({kind: max(n - wrong[kind], 0) for kind, n in number.items()})

    def figures(self, wanted: int) -> Iterator[Figure]:
        """Yield what is aimed at; `wanted` is the number of mutations that were asked for."""
        sound = [one for one in self.outcomes if not one.mutations]
        both = sum(len(one.files - ({*one.said} ^ {*one.truth})) for one in sound)
        yield Figure("sound projects", len(sound), "", at_least=3)
        yield Figure("sound projects: test files", sum(len(one.files) for one in sound), "")
        yield Figure("sound projects: test files of which pytest and the audit say the same", both, "")
        yield Figure("sound projects: false errors", self.false[SOUND], "", at_most=0)
        yield Figure("sound projects: errors missed", self.missed[SOUND], "", at_most=0)
        if wanted:
            agreed, missed, false = self._sums()
            yield Figure("mutations", self.mutations.total(), "", at_least=wanted)
            yield Figure("mutations: those of which all files are said right", self.right.total(), "")
            yield Figure("mutations: files that they break", agreed + missed, "")
            yield Figure("mutations: recall", agreed / max(agreed + missed, 1), "", at_least=RECALL)
            yield Figure("mutations: precision", agreed / max(agreed + false, 1), "", at_least=PRECISION)

    def counts(self, show: int) -> Iterator[Counts]:
        """Yield the tables, with so many disagreements of each kind of mutation written out."""
        columns = ("project", "test files", "found by the audit", "pytest cannot import", "audit", "missed", "false")
        sound = [one for one in self.outcomes if not one.mutations]
        yield Counts("real: as published", columns, [list(_published(one)) for one in sound])
        other = [(one.project, rule, n) for one in sound for rule, n in sorted(one.other.items())]
        yield Counts("real: what else is said of them", ("project", "rule", "findings"), other)
        kinds = sorted(
            {*self.agreed, *self.missed, *self.false, *self.mutations} - {SOUND},
            key=lambda kind: (-self.missed[kind] - self.false[kind], kind),
        )
        of_kinds = ("mutation", "number", "all files right", "broken files", "missed", "false", "recall", "precision")
        counters = (self.mutations, self.right, self.agreed, self.missed, self.false)
        rows = [_row(kind, *(counter[kind] for counter in counters)) for kind in kinds]
        rows.append(_row("all", self.mutations.total(), self.right.total(), *self._sums()))
        yield Counts("real: mutations, the worst first", of_kinds, rows)
        differing = ("mutation", "where", "files", "the first", "pytest", "audit")
        yield Counts("real: where they differ", differing, self._differing(show))

    def _sums(self) -> tuple[int, int, int]:
        agreed, missed, false = (c.total() - c[SOUND] for c in (self.agreed, self.missed, self.false))
        return agreed, missed, false

    def _differing(self, show: int) -> list[tuple[str | int, ...]]:
        """Return a row for each batch and kind in which the audit says the same: how many files, and the first."""
        rows: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for one in self.outcomes:
            for path in sorted({*one.truth} ^ {*one.said}):
                said = "; ".join(one.said.get(path, ["nothing"]))
                key = (one.kind(path), f"{one.project} batch {one.batch}", said)
                rows.setdefault(key, []).append((path, one.truth.get(path, "can import it")))
        shown = Counter[str]()
        found: list[tuple[str | int, ...]] = []
        for (kind, where, said), differing in rows.items():
            shown[kind] += 1
            if shown[kind] <= show:
                found.append((kind, where, len(differing), *differing[0], said))
        return found


def _published(one: Outcome) -> Iterator[str | int]:
    yield from (one.project, len(one.files), one.audited, len(one.truth), len(one.said))
    yield from (len({*one.truth} - {*one.said}), len({*one.said} - {*one.truth}))


def _row(kind: str, *counts: int) -> tuple[str | int | float, ...]:
    number, right, agreed, missed, false = counts
    recall, precision = agreed / max(agreed + missed, 1), agreed / max(agreed + false, 1)
    return kind, number, right, agreed + missed, missed, false, recall if missed else 1.0, precision if false else 1.0
