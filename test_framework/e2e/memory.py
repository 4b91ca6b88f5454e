"""How much memory a local backend has, and whether it keeps some of each session."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from statistics import median
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import psutil

from test_framework import net
from test_framework.resolution import Refused, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryUnknown", "MemoryWatch"]

_MB = 1024 * 1024
_FORWARDERS = ("docker-proxy", "dockerd", "rootlessport", "rootlesskit", "com.docker.backend", "gvproxy", "ssh")
"""Programs that listen for a container; dockerd itself does without its userland proxy."""

_FEWEST = 9


class MemoryUnknown(Exception):
    """Nobody here can say how much memory that backend has; the text says why."""


class MemoryWatch:
    """Samples of the memory of one backend, in megabytes.

    Args:
        measure: Returns the memory now.
    """

    def __init__(self, measure: Callable[[], float]) -> None:
        self._measure = measure
        self._samples: list[float] = []

    @classmethod
    def of(cls, url: str) -> MemoryWatch:
        """Watch the backend behind a URL of this machine or of the engine's, whichever way it was started.

        It is the process that listens on the port, with its children; where only a forwarder of an engine listens, or
        nobody who can be seen, the container that publishes the port.

        Raises:
            MemoryUnknown: The URL is of another machine, or there is neither.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "elsewhere", net.port_of(parts)
        if not is_loopback(host):
            return cls(_of_container(port, host))
        listener = _listener(port)
        if listener and listener.name() not in _FORWARDERS:
            return cls(lambda: _of_family(listener))
        return cls(_of_container(port))

    def sample(self) -> float:
        """Measure now; keep and return it.

        Raises:
            MemoryUnknown: The backend is gone.
        """
        self._samples.append(self._measure())
        return self._samples[-1]

    def growth_per(self, sessions: int = 1) -> float:
        """Return the growth in megabytes per session.

        The first third of the samples is taken as warm-up. Of the others it is the median of the slopes between each
        two of them (Theil and Sen), which noise and a single step, up or down, do not move much. Thirty samples are
        enough to tell a quarter of a megabyte per sample from nothing.

        Args:
            sessions: How many sessions there were between two samples.

        Raises:
            ValueError: There are fewer than nine samples, or no sessions between them.
        """
        if len(self._samples) < _FEWEST or sessions < 1:
            have = f"{len(self._samples)} samples, {sessions} sessions apart"
            raise ValueError(f"growth needs {_FEWEST} samples at least, 1 session apart at least, and has {have}")
        steady = self._samples[len(self._samples) // 3 :]
        slopes = [
            (later - earlier) / (end - begin)
            for begin, earlier in enumerate(steady)
            for end, later in enumerate(steady[begin + 1 :], begin + 1)
        ]
        return median(slopes) / sessions

    def check(self, max_mb_per_session: float, sessions: int = 1) -> None:
        """Check that the growth is within bounds; `sessions` as for `growth_per`.

        Raises:
            AssertionError: It is not; the text has the samples.
            ValueError: As `growth_per`.
        """
        growth = self.growth_per(sessions)
        if growth > max_mb_per_session:
            samples = ", ".join(f"{sample:.1f}" for sample in self._samples)
            raise AssertionError(
                f"memory grows by {growth:.3f} MB per session\nexpected: {max_mb_per_session:g} MB at most\n"
                f"got:      {samples} MB, {sessions} sessions apart"
            )


def _listener(port: int) -> psutil.Process | None:
    """Return the process that listens on a port: of a server with workers, the one that began it."""
    try:
        found = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        # macOS shows them to root only.
        return None
    name = next((c.pid for c in found if _listens(c, port) and c.pid), None)
    if name is None:
        return None
    # Of those that share a socket only one is named.
    listener = psutil.Process(name)
    while (parent := listener.parent()) and any(_listens(c, port) for c in _connections(parent)):
        listener = parent
    return listener


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


def _connections(process: psutil.Process) -> list[Any]:
    try:
        return list(process.net_connections("tcp"))
    except psutil.Error:
        return []


def _of_family(listener: psutil.Process) -> float:
    try:
        used = listener.memory_info().rss
        children = listener.children(recursive=True)
    except psutil.NoSuchProcess as gone:
        raise MemoryUnknown(f"process {gone.pid} of the backend is gone") from gone
    for child in children:
        # One that ends just now has no memory any more.
        with suppress(psutil.NoSuchProcess):
            used += child.memory_info().rss
    return float(used) / _MB


def _of_container(port: int, host: str = "") -> Callable[[], float]:
    """Watch the container that publishes the port, on an engine at `host` where that is another machine."""
    from test_framework.providers.docker.client import connect
    from test_framework.providers.docker.probe import probe
    from test_framework.providers.docker.published import machine_of

    try:
        engine = probe(os.environ)
        if host and machine_of(engine.candidate, os.environ) != host:
            raise MemoryUnknown(f"{host} is not this machine, nor the Docker engine's: its memory is not seen here")
    except Refused as refused:
        if host:
            raise MemoryUnknown(f"{host} is not this machine: its memory is not seen here") from refused
        raise MemoryUnknown(f"no process here listens on port {port}, and no engine was found: {refused}") from refused
    with closing(connect(engine, os.environ)) as client:
        found = client.containers.list(filters={"publish": str(port)})
    if not found:
        raise MemoryUnknown(f"no process here listens on port {port}, and no container publishes it")

    def measure() -> float:
        with closing(connect(engine, os.environ)) as client:
            return _used(cast("dict[str, Any]", client.api.stats(str(found[0].id), stream=False, one_shot=True)))

    return measure


def _used(stats: dict[str, Any]) -> float:
    """Return what the container uses, without what the system can take back (as `docker stats` counts)."""
    memory = stats["memory_stats"]
    if "usage" not in memory:
        raise MemoryUnknown("the container of the backend is gone")
    caches = memory.get("stats", {})
    return float(memory["usage"] - caches.get("inactive_file", caches.get("total_inactive_file", 0))) / _MB
