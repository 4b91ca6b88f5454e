"""Writes the generated suite, and has pytest confirm what its manifest says."""

from __future__ import annotations

import sys
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.audit.findings import Counts, Proof
from tests.audit.suite import written
from tests.audit.truth import Kept, Pytest
from tests.performance.findings import Figure, Table
from tests.performance.measuring import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.audit.options import Options
    from tests.audit.suite import Suite
    from tests.audit.truth import Truth

__all__ = ["PYTEST_SECONDS", "confirmed", "measure"]

PYTEST_SECONDS = 3600.0
"""Bound on one collection of the whole suite."""

_KINDS = 40


def measure(options: Options) -> Proof:
    """Write the suite and compare its manifest with what pytest cannot import."""
    suite = written(options)
    truth = confirmed(options, suite)
    plants = suite.manifest["plants"]
    differing = list(_differing(suite, truth))
    kinds = {plant["kind"] for plant in plants}
    bad = Counter(plant["kind"] for plant in plants if plant["bad"])
    fine = Counter(plant["kind"] for plant in plants if not plant["bad"])
    figures = (
        Figure("generated suite: test files", len(suite.manifest["tests"]), ""),
        Figure("generated suite: other modules", suite.manifest["modules"], ""),
        Figure("generated suite: size", suite.manifest["bytes"] / 1e6, "MB"),
        Figure("generated suite: kinds of defects, each with look-alikes", len(kinds), "", at_least=_KINDS),
        Figure("generated suite: planted defects", bad.total(), ""),
        Figure("generated suite: planted look-alikes", fine.total(), "", at_least=bad.total()),
        Figure(
            "generated suite: files of which pytest does not say what the manifest does", len(differing), "", at_most=0
        ),
    )
    counts = (Counts("suite: where pytest and the manifest differ", ("file", "kind", "pytest"), differing),)
    table = Table("the generated suite", "s", {"pytest --collect-only, no byte code yet": [truth.seconds]})
    return Proof("suite", (table,), figures, (), counts)


def confirmed(options: Options, suite: Suite) -> Truth:
    """Return what pytest says of the suite. Its byte code of the suite is in the cache then."""
    kept = Kept(options.cache / "truth", ("suite", suite.manifest["made_of"], version("pytest")))
    truth = None if options.again else kept.read()
    if truth is None:
        say("pytest collects the suite: minutes")
        truth = Pytest(suite.root, sys.executable, options.cache / "bytecode").collected(seconds=PYTEST_SECONDS)
        kept.write(truth)
    return truth


def _differing(suite: Suite, truth: Truth) -> Iterator[tuple[str, str, str]]:
    """Yield each file that only one of the two calls broken, or a test file."""
    plants = suite.manifest["plants"]
    expected = {path for plant in plants if plant["bad"] and not plant["rule"] for path in plant["tests"]}
    owner = {path: plant["kind"] for plant in plants for path in (*plant["tests"], *plant["fine"])}
    for path in sorted(expected ^ {*truth.broken}):
        yield path, owner.get(path, ""), truth.broken.get(path, "can import it")
    for path in sorted({*suite.manifest["tests"]} ^ truth.files):
        yield path, owner.get(path, ""), "collects it" if path in truth.files else "does not come to it"
