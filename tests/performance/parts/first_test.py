"""Seconds from the command to the first line of the first test: warm, cold, without Docker, and with one that hangs."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import contextmanager, suppress
from statistics import median
from typing import TYPE_CHECKING

from tests.performance.bench import Bench, Options, installed, not_embedded, suite
from tests.performance.findings import TIMES, Absent, Figure, Findings, Table
from tests.performance.measuring import CaseFailed, in_turns, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.performance.measuring import Samples

__all__ = ["measure"]

_BARE = "bare pytest"
_UNIT = "unit tier"
_NO_DOCKER, _HUNG = "cold, no Docker", "cold, Docker hangs"
_CONTAINERS = "testcontainers, session fixtures"
_HUNG_CONTAINERS = "testcontainers with a Docker that hangs, until it gives up"
_HUNG_SECONDS = 400.0
_OVER = {"warm, embedded": 0.1, "warm, Docker": 0.1, "cold, embedded": 0.6}
"""Seconds over bare pytest that are aimed at."""

_MARK = "    import os, time; open(os.environ['FIRST'], 'w').write(repr(time.time()))\n"
_FILES = {
    "tests/unit/test_bare.py": f"def test_first():\n{_MARK}",
    "tests/integration/test_services.py": f"def test_first(postgres_db, redis_db):\n{_MARK}",
    "tests/containers/test_containers.py": f"def test_first(server):\n{_MARK}",
}


class _FirstTest:
    """Runs of one project, each up to the first line of its test."""

    def __init__(self, bench: Bench, root: Path) -> None:
        self.bench = bench
        self.root = root
        self.mark = root / "first"

    def seconds(self, *arguments: str, plugin: str, env: Mapping[str, str]) -> float:
        """Run the case and return its seconds."""
        self.mark.unlink(missing_ok=True)
        shutil.rmtree(self.root / "reports", ignore_errors=True)
        begin = time.time()
        self.bench.pytest(self.root, *arguments, plugin=plugin, env={**env, "FIRST": str(self.mark)})
        return float(self.mark.read_text(encoding="utf-8")) - begin

    def bare(self, *arguments: str) -> Callable[[int], float]:
        """Return a case without us."""
        return lambda _: self.seconds(*arguments, plugin="", env={})

    def ours(self, env: Mapping[str, str], *, warm: bool = False, tier: str = "integration") -> Callable[[int], float]:
        """Return a case of ours: after one that has left its servers, or after none."""

        def case(_: int) -> float:
            if tier != "unit":
                self.bench.clean(self.root)
            if warm:
                self.seconds("--tier", tier, plugin="test_framework", env=env)
            return self.seconds("--tier", tier, plugin="test_framework", env=env)

        return case

    def first_ever(self, env: Mapping[str, str]) -> Callable[[int], float]:
        """Return a case of ours on a machine on which nothing is cached yet."""

        def case(number: int) -> float:
            self.bench.clean(self.root)
            cache = self.root / f"cache-{number}"
            found = self.seconds(
                "--tier", "integration", plugin="test_framework", env={**env, "XDG_CACHE_HOME": str(cache)}
            )
            self.bench.clean(self.root)
            shutil.rmtree(cache, ignore_errors=True)
            return found

        return case


def measure(bench: Bench, options: Options) -> Findings:
    """Measure all cases by turns."""
    first = _FirstTest(bench, bench.project("first", {**_FILES, "tests/containers/conftest.py": suite("both.py")}))
    cases = {_BARE: first.bare("tests/unit"), _UNIT: first.ours({}, tier="unit")}
    absent: list[Absent] = []
    with _hung(bench.place.path / "hung.sock") as hung:
        if why := not_embedded("postgres", "redis"):
            absent.append(Absent("test-framework, embedded", why))
        else:
            embedded = {"TEST_FRAMEWORK_PROVIDERS": "embedded"}
            cases |= {
                "warm, embedded": first.ours(embedded, warm=True),
                "cold, embedded": first.ours(embedded),
                "cold, embedded, nothing cached": first.first_ever(embedded),
                _NO_DOCKER: first.ours({"DOCKER_HOST": f"unix://{bench.place.path}/none.sock"}),
                _HUNG: first.ours({"DOCKER_HOST": hung}),
            }
        if bench.no_images:
            absent.append(Absent("test-framework on Docker", bench.no_images))
        else:
            docker = {"TEST_FRAMEWORK_PROVIDERS": "docker"}
            cases |= {"warm, Docker": first.ours(docker, warm=True), "cold, Docker": first.ours(docker)}
        if why := bench.no_images or installed("testcontainers"):
            absent.append(Absent(_CONTAINERS, why))
        else:
            cases[_CONTAINERS] = first.bare("tests/containers")
        samples, failed = in_turns(cases, options.of_rounds(7))
        gave_up, why = _until_it_gives_up(first, hung, options)
    if why:
        absent.append(Absent(_HUNG_CONTAINERS, why))
    with suppress(CaseFailed):
        bench.clean(first.root)
    table = Table("from the command to the first test", "s", samples, to=_BARE, over=_BARE)
    tables = [table, *([Table("with a Docker that hangs", "s", gave_up)] if gave_up else [])]
    return Findings("first_test", tuple(tables), tuple(_figures(table)), (*absent, *failed))


def _until_it_gives_up(first: _FirstTest, hung: str, options: Options) -> tuple[Samples, str]:
    """Return how long testcontainers takes to fail, once, or why that was not measured."""
    if options.quick:
        return {}, "a minute and more: not with --quick"
    if why := installed("testcontainers"):
        return {}, why
    say(_HUNG_CONTAINERS)
    env = {"DOCKER_HOST": hung, "FIRST": str(first.mark)}
    try:
        took = first.bench.pytest(first.root, "tests/containers", env=env, seconds=_HUNG_SECONDS, may_fail=True)
    except CaseFailed as error:
        return {}, str(error)
    return {_HUNG_CONTAINERS: [took]}, ""


def _figures(table: Table) -> Iterator[Figure]:
    for case, aim in _OVER.items():
        if {case, _BARE} <= table.samples.keys():
            yield Figure(f"first test, {case}, over {_BARE}", table.difference(case, _BARE), "s", at_most=aim)
    if {"cold, Docker", _CONTAINERS} <= table.samples.keys():
        share = median(table.samples["cold, Docker"]) / median(table.samples[_CONTAINERS])
        yield Figure(f"first test, cold, Docker, to {_CONTAINERS}", share, TIMES, at_most=0.5)
    if {_NO_DOCKER, _HUNG} <= table.samples.keys():
        yield Figure("first test, Docker hangs, over no Docker", table.difference(_HUNG, _NO_DOCKER), "s", at_most=1.0)


@contextmanager
def _hung(path: Path) -> Iterator[str]:
    """Listen on a socket like an engine that accepts and never answers; yield its `DOCKER_HOST`."""
    accepted: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True, name="hung engine").start()
        try:
            yield f"unix://{path}"
        finally:
            # A thread in accept() is not woken by close().
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for one in accepted:
                one.close()
            path.unlink()
