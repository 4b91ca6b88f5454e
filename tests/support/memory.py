"""A machine with as little shared memory as a container has by itself, where servers keep their data elsewhere."""

from __future__ import annotations

from tests.support.needs import need

__all__ = ["little_memory"]

_MOUNTED = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'


def little_memory() -> tuple[str, ...]:
    """Return what a command begins with that has little; the test is skipped where that cannot be."""
    need("mounts")
    # In a mount namespace of its own, so that nobody else's memory is small.
    return ("unshare", "--mount", "--propagation=private", "sh", "-c", _MOUNTED, "-")
