"""What the plugin costs a run that needs no service: in all, and for each of many unit tests."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.performance.bench import Bench, Options, installed
from tests.performance.findings import Absent, Figure, Findings, Table
from tests.performance.measuring import in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["measure"]

_BARE, _JUNIT = "bare pytest", "bare pytest, --junit-xml"
_PLUGIN, _TIER = "with the plugin", "with the plugin, --tier unit"
_CASES = {
    _BARE: ("", ("tests/unit",)),
    _PLUGIN: ("test_framework", ("tests/unit",)),
    _JUNIT: ("", ("tests/unit", "--junit-xml=reports/bare.xml")),
    _TIER: ("test_framework", ("--tier", "unit")),
}
_OVER = {_PLUGIN: _BARE, _TIER: _JUNIT}
"""A tier writes JUnit's file, which pytest can do alone too."""

_A_FILE = 50
_IN_ALL, _EACH = 20.0, 0.1
"""Milliseconds that are aimed at."""


def measure(bench: Bench, options: Options) -> Findings:
    """Measure one test and many, without workers, and many with two."""
    tests = options.of_tests(2000, 200)
    each = "".join(f"def test_{n}():\n    assert {n} >= 0\n\n\n" for n in range(_A_FILE))
    many = {f"tests/unit/test_many_{n}.py": each for n in range(-(-tests // _A_FILE))}
    tests = len(many) * _A_FILE
    root = bench.project("overhead", many)
    one = bench.project("overhead-one", {"tests/unit/test_one.py": "def test_one():\n    assert 1 >= 0\n"})
    tables, absent = [], []
    wanted: list[tuple[str, Path, int, int]] = [("1 test", one, 0, 15), (f"{tests} tests", root, 0, 7)]
    if why := installed("xdist"):
        absent.append(Absent("2 workers", why))
    else:
        wanted.append((f"{tests} tests, 2 workers", root, 2, 5))
    for title, at, workers, rounds in wanted:
        cases = {name: partial(_run, bench, at, name, workers) for name in _CASES}
        samples, failed = in_turns(cases, options.of_rounds(rounds))
        tables.append(Table(title, "s", samples, to=_BARE, over=_BARE))
        absent += [Absent(f"{title}: {a.case}", a.why, failed=True) for a in failed]
    return Findings("overhead", tuple(tables), tuple(_figures(tables, tests)), tuple(absent))


def _run(bench: Bench, root: Path, name: str, workers: int, _: int) -> float:
    plugin, arguments = _CASES[name]
    parallel = ["-n", str(workers)] if workers else []
    return bench.pytest(root, *arguments, *parallel, plugin=plugin)


def _figures(tables: list[Table], tests: int) -> Iterator[Figure]:
    one, many, *_ = tables
    for case, bare in _OVER.items():
        if {case, bare} <= one.samples.keys() & many.samples.keys():
            in_all = 1000 * one.difference(case, bare)
            yield Figure(f"unit run {case}, in all, over {bare}", in_all, "ms", at_most=_IN_ALL)
            # Without what the run costs in all, which does not grow with the tests.
            more = 1000 * many.difference(case, bare) - in_all
            yield Figure(f"unit run {case}, per test, over {bare}", more / (tests - 1), "ms", at_most=_EACH)
