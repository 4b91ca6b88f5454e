"""What a probe for a Docker engine costs: where one answers, where there is none, and where it hangs."""

from __future__ import annotations

import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import docker

from test_framework.providers.docker.probe import probe
from test_framework.resolution import Refused
from tests.performance.findings import Figure, Findings, Table
from tests.performance.measuring import in_turns
from tests.support.engines import Net, Talk, at, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.performance.bench import Bench, Options

__all__ = ["measure"]

_HEALTHY, _HUNG = "probe, an engine that answers", "probe, an engine that hangs"
_SDK = "docker SDK, an engine that answers"
_AT_ONCE_MS, _HUNG_MS = 20.0, 1100.0
"""Milliseconds that are aimed at."""


def measure(_bench: Bench, options: Options) -> Findings:
    """Ask engines of our own by turns, on sockets, so that neither a daemon nor a network is measured."""
    with ExitStack() as stack:
        net = Net(stack, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="probe"))))
        healthy, stale = net.unix(Talk()), net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))
        cases = {
            _HEALTHY: _probed(healthy),
            "probe, no socket": _probed(net.path()),
            "probe, a socket that nobody listens on": _probed(stale),
            _HUNG: _probed(net.unix(silent)),
            _SDK: _timed(lambda: _versions(healthy)),
        }
        samples, failed = in_turns(cases, options.of_rounds(30))
    table = Table("a probe for an engine", "ms", samples, to=_HEALTHY)
    aims = {_HEALTHY: _AT_ONCE_MS, _HUNG: _HUNG_MS}
    figures = [Figure(case, median(samples[case]), "ms", at_most=aim) for case, aim in aims.items() if case in samples]
    return Findings("probe", (table,), tuple(figures), tuple(failed))


def _probed(path: Path) -> Callable[[int], float]:
    """Return a case: one probe of a socket, whatever it finds."""

    def ask() -> None:
        with suppress(Refused):
            probe(at(path), path.parent)

    return _timed(ask)


def _timed(work: Callable[[], object]) -> Callable[[int], float]:
    def case(_: int) -> float:
        begin = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - begin)

    return case


def _versions(path: Path) -> None:
    client = docker.DockerClient(base_url=f"unix://{path}")
    client.version()
    client.close()
