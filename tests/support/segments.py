"""Which segments of System V shared memory belong to a place: the system says who made one, and only by number."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SegmentWatch", "segments"]

_TABLE = Path("/proc/sysvipc/shm")
_PAUSE = 0.02


class SegmentWatch:
    """Looks at each new segment while the process that made it still lives, and remembers those of our own."""

    def __init__(self, ours: Callable[[psutil.Process], bool]) -> None:
        self._ours = ours
        self._known = {identity for identity, _ in segments()}
        self._found: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="segments")

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE):
            for identity, creator in segments():
                if identity not in self._known and psutil.pid_exists(creator):
                    self._known.add(identity)
                    # It may end as it is looked at.
                    with suppress(psutil.Error):
                        if self._ours(psutil.Process(creator)):
                            self._found.add(identity)

    def left(self) -> list[str]:
        """Return those of our own that there still are."""
        return [
            f"memory segment {identity} of process {pid}" for identity, pid in segments() if identity in self._found
        ]


def segments() -> Iterator[tuple[str, int]]:
    """Yield each segment with the process that made it; none where the system has no such table."""
    if _TABLE.exists():
        for line in _TABLE.read_text().splitlines()[1:]:
            fields = line.split()
            yield fields[1], int(fields[4])
