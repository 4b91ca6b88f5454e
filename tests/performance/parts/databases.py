"""What a database of its own costs a test: reading and writing, small schemas and large, with workers and without.

Each sample is of two runs, one of a few tests and one of many: what one more test costs is the difference, by the
number of tests between them, less the same of tests that do nothing. What the run takes to start cancels out, and has
a table of its own.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from statistics import median
from typing import TYPE_CHECKING

from tests.performance.alternatives import OURS, PER_TEST, POSTGRES, REDIS, Alternative, usable
from tests.performance.bench import Bench, Options, suite
from tests.performance.findings import TIMES, Absent, Figure, Findings, Table
from tests.performance.measuring import Samples, in_turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["keyspaces", "measure"]

_TABLES, _QUICK_TABLES = (5, 40, 300), (5,)
_WORKERS, _QUICK_WORKERS = (0, 2, 4), (0, 2)
_KINDS = {"reads": "0", "writes": "1"}
_NOTHING = "nothing"
_PYTEST_POSTGRESQL = "pytest-postgresql: a clone per test"
_SECONDS = 10.0
"""Where a test costs much, a run has only as many as take so long."""


def measure(bench: Bench, options: Options) -> Findings:
    """Measure every alternative at every size of the schema and number of workers."""
    sizes = options.tables or (_QUICK_TABLES if options.quick else _TABLES)
    numbers = options.workers or (_QUICK_WORKERS if options.quick else _WORKERS)
    found, absent = usable(bench, POSTGRES, "postgres")
    middle = sorted(sizes)[len(sizes) // 2]
    tables: list[Table] = []
    for size, workers in product(sizes, numbers):
        # A server for each worker takes long to start, and each is as slow as the one without workers.
        chosen = [a for a in found if not workers or a.on != "own" or (size == middle and a.name != PER_TEST)]
        title = f"{size} tables, {workers or 'no'} workers"
        absent += [Absent(f"{title}: {a.name}", _left_out(a, middle)) for a in found if a not in chosen]
        cell = _Cell(bench, options, "postgres", size, workers)
        made, failed = cell.measured(chosen, title)
        tables += made
        absent += failed
    return Findings("databases", tuple(tables), tuple(_figures(tables)), tuple(absent))


def keyspaces(bench: Bench, options: Options) -> Findings:
    """Measure the same of Redis."""
    found, absent = usable(bench, REDIS, "redis")
    tables, failed = _Cell(bench, options, "redis", 3, 0).measured(found, "a keyspace per test")
    return Findings("redis", tuple(tables), (), (*absent, *failed))


@dataclass
class _Cell:
    """One size of the schema and one number of workers."""

    bench: Bench
    options: Options
    service: str
    size: int
    workers: int
    roots: dict[str, tuple[Path, dict[str, str]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    starts: Samples = field(default_factory=dict)

    def measured(self, chosen: Sequence[Alternative], title: str) -> tuple[list[Table], list[Absent]]:
        """Return the tables of the alternatives, and what went wrong."""
        if not chosen:
            return [], []
        reference = chosen[0].name
        with ExitStack() as stack:
            self._prepare(chosen, stack)
            nothing = Alternative(_NOTHING, "", on=chosen[0].on)
            cases = {_NOTHING: partial(self._sample, _NOTHING, _NOTHING, nothing, "0")}
            for kind, write in _KINDS.items():
                for number, alternative in enumerate(chosen):
                    name = f"{alternative.name}, {kind}"
                    cases[name] = partial(self._sample, name, f"case{number}", alternative, write)
            samples, failed = in_turns(cases, self.options.of_rounds(3))
        absent = [Absent(f"{title}: {one.case}", one.why, failed=True) for one in failed]
        if _NOTHING not in samples:
            return [], absent
        tables = []
        bare, start = median(samples[_NOTHING]), median(self.starts[_NOTHING])
        for kind in _KINDS:
            took = {a.name: found for a in chosen if (found := samples.get(f"{a.name}, {kind}"))}
            costs = {name: [1000 * (seconds - bare) for seconds in found] for name, found in took.items()}
            tables.append(Table(f"{title}, {kind}", "ms per test", costs, to=reference))
        name = f"{title}, what the run and its first tests take over a run without"
        begun = {a.name: self.starts[f"{a.name}, reads"] for a in chosen if f"{a.name}, reads" in samples}
        over = {name: [seconds - start for seconds in found] for name, found in begun.items()}
        return [*tables, Table(name, "s", over)], absent

    def _prepare(self, chosen: Sequence[Alternative], stack: ExitStack) -> None:
        """Write the projects, and have servers running where they are to be warm."""
        files = {f"{_NOTHING}/test_nothing.py": suite("nothing.py"), "compose.yaml": suite("postgres/compose.yaml")}
        for number, alternative in enumerate(chosen):
            files[f"case{number}/conftest.py"] = suite(alternative.conftest)
            files[f"case{number}/test_{self.service}.py"] = suite(f"{self.service}/tests.py")
        for on in dict.fromkeys(alternative.on for alternative in chosen):
            # A project each, so that one's servers are not another's.
            root = self.bench.project(f"{self.service}-{self.size}-{self.workers}-{on}", files, tables=self.size)
            env = {"TEST_FRAMEWORK_PROVIDERS": "docker" if on == "docker" else "embedded"}
            env["DRIVER"] = {"postgres": "psycopg", "redis": "redis"}[self.service]
            if on == "cold":
                env["TEST_FRAMEWORK_IDLE_SECONDS"] = "0"
            if on in ("held", "docker"):
                stack.callback(self.bench.clean, root)
                env["SERVER"] = stack.enter_context(self.bench.held(root, self.service, env=env))[self.service]["url"]
            if any("pglite" in alternative.needs for alternative in chosen):
                env["PGLITE"] = str(self.bench.pglite)
            self.roots[on] = root, env

    def _sample(self, name: str, folder: str, alternative: Alternative, write: str, turn: int) -> float:
        """Return the seconds that one more test takes."""
        few = max(alternative.few, 2 * self.workers)
        short = self._seconds(folder, alternative, few, write)
        # The round that does not count tells how many tests there is time for.
        count = self.counts.get(name, 2 * few)
        more = (self._seconds(folder, alternative, count, write) - short) / (count - few)
        if turn:
            self.starts.setdefault(name, []).append(short)
        else:
            budget = _SECONDS / more if more > 0 else float("inf")
            self.counts[name] = int(max(2 * few, min(self.options.of_tests(200, 50), budget)))
        return more

    def _seconds(self, folder: str, alternative: Alternative, count: int, write: str) -> float:
        root, env = self.roots[alternative.on]
        parallel = ["-n", str(self.workers)] if self.workers else []
        counted = {**env, "TESTS": str(count), "WRITE": write}
        return self.bench.pytest(root, *parallel, folder, plugin=alternative.plugin, env=counted)


def _left_out(alternative: Alternative, middle: int) -> str:
    if alternative.name == PER_TEST:
        return "measured without workers only"
    return f"starts a server of its own: with workers it is measured with {middle} tables only"


def _figures(tables: Sequence[Table]) -> list[Figure]:
    """Return how much more the alternatives cost that have an aim."""
    figures = []
    for table in tables:
        if table.to != OURS or ", no workers" not in table.title:
            continue
        for name, aim in ((_PYTEST_POSTGRESQL, 10), (PER_TEST, 100)):
            if name in table.samples and (ratio := table.ratio(name)) is not None:
                figures.append(Figure(f"{name}, against ours: {table.title}", ratio, TIMES, at_least=aim))
    return figures
