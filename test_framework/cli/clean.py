"""`clean`: an end to this project's servers."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from test_framework import owner
from test_framework.supervisor.client import running, stop

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings

__all__ = ["add_arguments", "run"]

_STOP_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--force", action="store_true", help="also when a run still uses them")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Stop every supervisor of this project; exits 1 when one is in use."""
    status = 0
    for channel, told in running(os.environ):
        if told.get("root") != str(settings.root):
            continue
        stopped = not told["clients"]
        # One that does not answer any more is ending by itself.
        with suppress(OSError):
            stopped = stop(channel, force=given.force) or stopped
        if stopped:
            _wait(told["pid"])
            print(f"stopped supervisor {told['pid']} with {len(told['servers'])} servers")
            continue
        users = ", ".join(str(c["pid"]) for c in told["clients"])
        print(f"supervisor {told['pid']} is in use by process {users}; --force stops it all the same", file=sys.stderr)
        status = 1
    return status


def _wait(pid: int) -> None:
    """Wait until it is gone, since what follows may take its absence for granted."""
    deadline = time.monotonic() + _STOP_SECONDS
    while owner.start_ticks(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
