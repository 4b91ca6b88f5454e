"""A machine with as little shared memory as a container has by itself, where servers keep their data elsewhere."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["little_memory"]

_MOUNTED = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'


def little_memory() -> tuple[str, ...]:
    """Return what a command begins with that has little; the test is skipped where that cannot be."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("to mount a small /dev/shm needs root and unshare")
    # In a mount namespace of its own, so that nobody else's memory is small.
    return ("unshare", "--mount", "--propagation=private", "sh", "-c", _MOUNTED, "-")
