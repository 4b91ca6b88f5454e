"""How long a test waits for a database that is to be ready, and what using one costs, over and over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from test_framework.e2e.levels import percentile
from tests.performance.bench import Bench, Options, not_embedded
from tests.performance.findings import Absent, Figure, Findings, Table
from tests.performance.measuring import CaseFailed, Samples, say

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_TABLES, _QUICK_TABLES = (5, 40, 300), (5,)
_CHECKOUT_P50, _CHECKOUT_P95, _READ, _WRITE = 1.0, 3.0, 6.0, 20.0
"""Milliseconds that are aimed at."""


def measure(bench: Bench, options: Options) -> Findings:
    """Check out, use and give back in a loop, reading and writing by turns."""
    if why := not_embedded("postgres"):
        return Findings("handing_out", (), (), (Absent("test-framework: postgres_db, embedded", why),))
    tables: list[Table] = []
    figures: list[Figure] = []
    absent: list[Absent] = []
    count = options.of_tests(1000, 100)
    for size in options.tables or (_QUICK_TABLES if options.quick else _TABLES):
        steps = {step: Samples(read=[], write=[]) for step in ("ready", "checkout", "whole")}
        root = bench.project(f"handing-out-{size}", {}, tables=size)
        env = {"TEST_FRAMEWORK_PROVIDERS": "embedded"}
        try:
            with bench.held(root, "postgres", env=env):
                for number in range(options.of_rounds(3)):
                    for kind in ("read", "write") if number % 2 else ("write", "read"):
                        say(f"{size} tables, {count} times {kind}")
                        told = json.loads(bench.program(root, "handing_out.py", str(count), kind, env=env))
                        for step, found in told.items():
                            steps[step][kind] += [1000 * seconds for seconds in found]
        except CaseFailed as error:
            absent.append(Absent(f"{size} tables", str(error), failed=True))
            continue
        ready = Table(f"checkout of a database that is ready: {size} tables", "ms", steps["ready"])
        checkout = Table(f"checkout without a pause, ready or not: {size} tables", "ms", steps["checkout"])
        whole = Table(f"checkout, connection, queries, and back: {size} tables", "ms", steps["whole"])
        tables += [ready, checkout, whole]
        figures += _figures(size, ready, whole)
    return Findings("handing_out", tuple(tables), tuple(figures), tuple(absent))


def _figures(size: int, ready: Table, whole: Table) -> Iterator[Figure]:
    for kind, values in ready.samples.items():
        name = f"handing out a ready database, {size} tables, {kind}"
        yield Figure(f"{name}, p50", percentile(values, 50), "ms", at_most=_CHECKOUT_P50)
        yield Figure(f"{name}, p95", percentile(values, 95), "ms", at_most=_CHECKOUT_P95)
    for kind, aim in (("read", _READ), ("write", _WRITE)):
        values = whole.samples[kind]
        name = f"checkout, connection, queries, and back, {size} tables, {kind}, mean of {len(values)}"
        yield Figure(name, sum(values) / len(values), "ms", at_most=aim)
