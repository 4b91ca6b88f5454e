"""Recall and precision of the audit for each kind of defect in the generated suite."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.audit.command import audited
from tests.audit.findings import Counts, Proof
from tests.audit.scoring import compared
from tests.audit.suite import written
from tests.performance.findings import Figure, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.audit.options import Options
    from tests.audit.scoring import Line, Score

__all__ = ["measure"]

_AIM = 0.99
_COLUMNS = ("kind", "planted", "found", "recall", "look-alikes", "false alarms", "precision")


def measure(options: Options) -> Proof:
    """Audit the suite once and compare what it says with the manifest."""
    suite = written(options)
    with TemporaryDirectory() as folder:
        told, seconds = audited(suite.root, sys.executable, (), Path(folder))
    score = compared(suite.manifest, told)
    kinds = sorted(score.planted)
    rows = list(_rows(score))
    _, _, _, recall, _, false, precision = rows[-1]
    figures = (
        Figure("generated suite: recall", recall, "", at_least=_AIM),
        Figure("generated suite: precision", precision, "", at_least=_AIM),
        Figure("generated suite: recall of the worst kind", min(map(score.recall, kinds)), ""),
        Figure("generated suite: precision of the worst kind", min(map(score.precision, kinds)), ""),
        Figure("generated suite: defects missed", len(score.misses), ""),
        Figure("generated suite: false alarms", false, ""),
    )
    counts = (
        Counts("score: by kind, the worst first", _COLUMNS, rows),
        Counts("score: missed", ("kind", "test file", "planted; said"), _spread(score.misses)[: options.show]),
        Counts("score: false alarms", ("kind", "test file", "said"), _spread(score.alarms)[: options.show]),
    )
    table = Table("one audit of the generated suite", "s", {"audit": [seconds]})
    return Proof("score", (table,), figures, (), counts)


def _rows(score: Score) -> Iterator[tuple[str, int, int, float, int, int, float]]:
    """Yield a row for each kind, and one for all."""
    kinds = {*score.planted, *score.false}
    for kind in sorted(kinds, key=lambda k: (min(score.recall(k), score.precision(k)), k)):
        recall, precision = score.recall(kind), score.precision(kind)
        planted, found = score.planted[kind], score.found[kind]
        yield kind, planted, found, recall, score.alike[kind], score.false[kind], precision
    planted, found, false = score.planted.total(), score.found.total(), score.false.total()
    recall, precision = found / max(planted, 1), found / max(found + false, 1)
    yield "all", planted, found, recall, score.alike.total(), false, precision


def _spread(lines: list[Line]) -> list[Line]:
    """Return the lines so that each kind has its first ones near the beginning."""
    seen: Counter[str] = Counter()
    numbered = []
    for line in lines:
        numbered.append((seen[line[0]], line))
        seen[line[0]] += 1
    return [line for _, line in sorted(numbered, key=lambda pair: pair[0])]
