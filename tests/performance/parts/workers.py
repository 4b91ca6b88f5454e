"""One suite with more and more workers: how long all of it takes, start included, and how many servers that takes."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import median
from typing import TYPE_CHECKING

from tests.performance.alternatives import CONTAINERS, OURS, OURS_DOCKER, POSTGRES, TUNED, usable
from tests.performance.bench import LABEL, Bench, Options, suite
from tests.performance.findings import TIMES, Figure, Findings, Table
from tests.performance.measuring import Samples, in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.performance.alternatives import Alternative

__all__ = ["measure"]

_WORKERS = (0, 1, 2, 4)
_MOST = 4
_PAUSE = 0.2
_OWNER = "test-framework.owner"


def measure(bench: Bench, options: Options) -> Findings:
    """Measure ours with all numbers of workers, and testcontainers, whose session fixtures are one for each worker."""
    wanted = [a for a in POSTGRES if a.name in (OURS, OURS_DOCKER, CONTAINERS, TUNED)]
    chosen, absent = usable(bench, wanted, "postgres")
    files: dict[str, str] = {}
    for number, alternative in enumerate(chosen):
        files |= {
            f"case{number}/conftest.py": suite(alternative.conftest),
            f"case{number}/test_mixed.py": suite("mixed.py"),
        }
    tests = options.of_tests(400, 40)
    suites = _Suites(bench, bench.project("workers", files, tables=40), tests)
    servers: Samples = {}
    cases = {}
    for number, alternative in enumerate(chosen):
        few = options.quick or alternative.on == "own"
        for workers in options.workers or ((0, _MOST) if few else _WORKERS):
            name = f"{alternative.name}, -n {workers}"
            counts = servers.setdefault(name, [])
            cases[name] = partial(suites.run, f"case{number}", alternative, workers, counts)
    samples, failed = in_turns(cases, options.of_rounds(5))
    whole = Table(f"{tests} tests, the whole run", "s", samples, to=f"{OURS}, -n {_MOST}")
    counted = Table("servers started by one run", "servers", {name: servers[name] for name in samples})
    return Findings("workers", (whole, counted), tuple(_figures(whole, counted)), (*absent, *failed))


@dataclass(frozen=True, slots=True)
class _Suites:
    """The project with a suite for each alternative, and how many tests each has."""

    bench: Bench
    root: Path
    tests: int

    def run(self, folder: str, alternative: Alternative, workers: int, counts: list[float], turn: int) -> float:
        """Run one of them; return its seconds, and add the number of its servers once."""
        docker = alternative.on == "docker"
        # Each run starts its servers and ends them, as one in CI does.
        env = {"TEST_FRAMEWORK_PROVIDERS": "docker" if docker else "embedded", "TEST_FRAMEWORK_IDLE_SECONDS": "0"}
        env["TESTS"] = str(self.tests)
        arguments = [*(["-n", str(workers)] if workers else []), folder]
        # To look costs processor time, so this is done in the round that does not count.
        with _counted(self.bench, counts, containers=docker or alternative.on == "own", look=not turn):
            return self.bench.pytest(self.root, *arguments, plugin=alternative.plugin, env=env)


@contextmanager
def _counted(bench: Bench, counts: list[float], *, containers: bool, look: bool) -> Iterator[None]:
    """Count the servers that start meanwhile: containers by the engine's events, others by the processes there are."""
    if not look:
        yield
    elif containers:
        begin = time.time()
        yield
        counts.append(float(len(_started(bench, begin))))
    else:
        seen: set[str] = set()
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_PAUSE):
                seen.update(bench.place.servers())

        thread = threading.Thread(target=watch, daemon=True, name="servers")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        counts.append(float(len(seen)))


def _started(bench: Bench, begin: float) -> set[str]:
    """Return the containers of this bench that the engine has started since then."""
    assert bench.place.client is not None
    events = bench.place.client.api.events(
        since=int(begin), until=int(time.time()) + 1, filters={"event": "start", "type": "container"}, decode=True
    )
    told = [(event["time"], event["Actor"]) for event in events]
    here = str(bench.place.path)
    return {
        actor["ID"]
        for at, actor in told
        if at >= int(begin)
        and (
            actor["Attributes"].get(LABEL) == here
            or (
                _OWNER in actor["Attributes"] and actor["Attributes"].get("test-framework.project", "").startswith(here)
            )
        )
    }


def _figures(whole: Table, counted: Table) -> Iterator[Figure]:
    for theirs, ours in product((CONTAINERS, TUNED), (OURS, OURS_DOCKER)):
        names = f"{theirs}, -n {_MOST}", f"{ours}, -n {_MOST}"
        if whole.samples.keys() >= set(names):
            ratio = median(whole.samples[names[0]]) / median(whole.samples[names[1]])
            yield Figure(f"whole run, {names[0]}, against {names[1]}", ratio, TIMES)
    for name, values in counted.samples.items():
        if name.endswith(f"-n {_MOST}"):
            yield Figure(f"servers, {name}", values[0], "")
