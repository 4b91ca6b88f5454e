"""Many tests in one run: whether the last cost more than the first, what the supervisor takes, and what is left."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import psutil
import psycopg

from tests.performance.bench import Bench, Options, not_embedded, suite
from tests.performance.findings import TIMES, Absent, Figure, Findings, Table
from tests.performance.measuring import CaseFailed, Samples, end, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.place import Place

__all__ = ["measure"]

_COUNTS, _QUICK_COUNTS = (100, 1000, 10_000), (100, 300)
_TENTHS = 10
_END = 1000
_PAUSE, _SHARE = 0.5, 20
"""Seconds between two samples; and at least so often the time that the last one took."""

_RUN_SECONDS = 3600.0
_SETTLE_SECONDS = 5.0
_MB = 1 << 20
_SLOWER = 1.2
"""The last tests may cost so often what the first did: that much is noise."""


def measure(_: Bench, options: Options) -> Findings:
    """Run more and more tests, each number in a place of its own, so that what is left is theirs."""
    if why := not_embedded("postgres"):
        return Findings("growth", (), (), (Absent("test-framework: postgres_db, embedded", why),))
    counts = (options.tests,) if options.tests else _QUICK_COUNTS if options.quick else _COUNTS
    tables: list[Table] = []
    figures: list[Figure] = []
    absent: list[Absent] = []
    for count in counts:
        say(f"{count} tests")
        try:
            with Bench() as own:
                found = _run(own, count)
        except CaseFailed as error:
            absent.append(Absent(f"{count} tests", str(error), failed=True))
            continue
        tables += found[0]
        figures += found[1]
    return Findings("growth", tuple(tables), tuple(figures), tuple(absent))


def _run(bench: Bench, count: int) -> tuple[list[Table], list[Figure]]:
    files = {"tests/integration/conftest.py": suite("growth_conftest.py")}
    files["tests/integration/test_growth.py"] = suite("growth.py")
    root = bench.project("growth", files, tables=40)
    told = root / "seconds.json"
    env = {"TEST_FRAMEWORK_PROVIDERS": "embedded", "TESTS": str(count), "SECONDS": str(told)}
    with bench.held(root, "postgres", env=env) as servers:
        samples = _watched(bench, root, env)
        databases = _settled(servers["postgres"]["url"])
    bench.clean(root)
    left = _left(bench.place)
    seconds = [1000 * value for value in json.loads(told.read_text(encoding="utf-8"))]
    tenth = len(seconds) // _TENTHS
    costs = {f"tenth {n + 1}": seconds[n * tenth : (n + 1) * tenth] for n in range(_TENTHS)}
    tables = [
        Table(f"{count} tests, each with its fixtures, by tenths of the run", "ms per test", costs, to="tenth 1"),
        Table(f"memory and disk over {count} tests", "MB", samples, kind="series"),
    ]
    return tables, list(_figures(count, seconds, databases, left))


def _figures(count: int, seconds: list[float], databases: int, left: list[str]) -> Iterator[Figure]:
    last = min(_END, count // _TENTHS)
    ratio = mean(seconds[-last:]) / mean(seconds[:last])
    yield Figure(f"{count} tests: the last {last} to the first {last}, means", ratio, TIMES, at_most=_SLOWER)
    yield Figure(f"{count} tests: databases on the warm server after the run", databases, "")
    for what in left:
        say(f"left: {what}")
    yield Figure(f"{count} tests: processes, files and containers left after clean", len(left), "", at_most=0)


def _watched(bench: Bench, root: Path, env: dict[str, str]) -> Samples:
    """Run the tests, and sample what they take meanwhile."""
    [supervisor] = [psutil.Process(pid) for pid in bench.place.supervisors() if psutil.pid_exists(pid)]
    samples: Samples = {}
    command = bench.command("tests/integration", plugin="test_framework")
    deadline = time.monotonic() + _RUN_SECONDS
    log = root / "output"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            cwd=root,
            env={**bench.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            while process.poll() is None:
                begin = time.monotonic()
                if begin > deadline:
                    raise CaseFailed(f"not done within {_RUN_SECONDS:g} s")
                for name, value in _sample(supervisor, process.pid, bench.place):
                    samples.setdefault(name, []).append(value / _MB)
                pause = max(_PAUSE, _SHARE * (time.monotonic() - begin))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(pause)
        finally:
            end(process)
    if process.returncode:
        raise CaseFailed("\n".join(log.read_text(encoding="utf-8").splitlines()[-12:]))
    return samples


def _sample(supervisor: psutil.Process, run: int, place: Place) -> Iterator[tuple[str, float]]:
    """Yield the bytes of each."""
    yield "supervisor, resident", supervisor.memory_info().rss
    yield "Postgres, all processes (Pss)", _pss(supervisor)
    with suppress(psutil.NoSuchProcess):
        yield "pytest, resident", psutil.Process(run).memory_info().rss
    yield "data directory", sum(_size(folder) for folder in place.folders() if "-postgres-" in folder.name)


def _pss(supervisor: psutil.Process) -> int:
    """Return the memory of a server, with what its processes share counted once."""
    whole = 0
    for process in supervisor.children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith("postgres"):
                whole += process.memory_full_info().pss
    return whole


def _size(folder: Path) -> int:
    """Return the bytes that its files take."""
    whole = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                whole += Path(path, name).lstat().st_blocks * 512
    return whole


def _settled(url: str) -> int:
    """Return how many databases the server has, when it is done with what came back."""
    time.sleep(_SETTLE_SECONDS)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_database").fetchone()
    return int(row[0]) if row else 0


def _left(place: Place) -> list[str]:
    """Return what is left of servers, when it has had the time to go."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (left := place.left(containers=place.client is not None)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
