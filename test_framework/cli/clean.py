"""`clean`: an end to this project's servers."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from test_framework import owner
from test_framework.report.wording import plural
from test_framework.supervisor.address import SupervisorAddress
from test_framework.supervisor.client import RunningSupervisor, end, running_supervisors, stop

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings

_STOP_SECONDS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--force", action="store_true", help="even if a run uses them, or they do not answer")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Stop every supervisor of this project; exits 1 when one is in use, or is still there."""
    own = SupervisorAddress.of(settings, os.environ)
    failed = False
    for found in running_supervisors(os.environ):
        # Until a run has greeted it, only its address says whose it is.
        if found.root == str(settings.root) or (not found.root and found.address == own):
            why = _stop(found, force=args.force) if found.channel else _end(found, force=args.force)
            if why:
                print(why, file=sys.stderr)
                failed = True
    return int(failed)


def _stop(found: RunningSupervisor, *, force: bool) -> str:
    """Tell one that answers to end, and wait for it; return why it does not."""
    status, stopped = found.status, not found.status["clients"]
    # One that does not answer any more is ending by itself.
    with suppress(OSError):
        stopped = (found.channel is not None and stop(found.channel, force=force)) or stopped
    if not stopped:
        users = ", ".join(str(c["pid"]) for c in status["clients"])
        return f"supervisor {status['pid']} is in use by process {users}; --force stops it anyway"
    if not _gone(status["pid"]):
        return f"supervisor {status['pid']} is still running {_STOP_SECONDS:g} s after it was asked to stop"
    print(f"stopped supervisor {status['pid']} and {plural(len(status['servers']), 'server')}")
    return ""


def _end(found: RunningSupervisor, *, force: bool) -> str:
    """End one that does not answer, if that is wished; return why it is still there."""
    if not force:
        return f"{found.description}; --force kills it"
    if not end(found):
        return f"{found.description}, and could not be killed within {_STOP_SECONDS:g} s"
    print(f"killed supervisor {found.pid}, which did not answer, and its servers")
    return ""


def _gone(pid: int) -> bool:
    """Wait until it is gone, since what follows may take its absence for granted."""
    deadline = time.monotonic() + _STOP_SECONDS
    while owner.start_ticks(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
