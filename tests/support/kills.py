"""Starts an embedded server again and again, each time killed by SIGKILL one step later.

A step is what Python tells an audit hook of (PEP 578): a folder that is made, a file that is opened, a process that is
started. Run as `python -m tests.support.kills SERVICE`; tells how many steps there are, and what was left.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import owner, services
from test_framework.contracts import Context
from test_framework.providers import embedded
from test_framework.supervisor.guard import Guard
from test_framework.supervisor.run import Run

if TYPE_CHECKING:
    from test_framework.contracts import Service

_STEPS = ("open", "os.mkdir", "socket.", "subprocess.Popen")
_LEFT_SECONDS = 20.0


def main(name: str) -> None:
    """Print the number of steps until the server answers, or until the first that left a folder, and that folder."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.of("kills", Path(folder), dict(os.environ), {})
        service = services.get(name, run.settings)
        steps, left = 0, list[str]()
        while not left and _killed(steps, service, run):
            steps += 1
            deadline = time.monotonic() + _LEFT_SECONDS
            while (left := _left()) and time.monotonic() < deadline:
                time.sleep(0.02)
        print(json.dumps({"steps": steps, "left": left}))


def _killed(at: int, service: Service, run: Run) -> bool:
    """Whether the start, in a process of its own, got so far that it was killed at this step."""
    pid = os.fork()
    if pid == 0:
        steps = 0

        def step(event: str, _: tuple[Any, ...]) -> None:
            nonlocal steps
            if event.startswith(_STEPS):
                if steps == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps += 1

        context = Context(run.settings, run.env, owner.MARK, run.memo, Guard(), lambda _: None)
        sys.addaudithook(step)
        try:
            embedded.PROVIDER.obtain(service, context)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def _left() -> list[str]:
    bases = {Path("/dev/shm"), Path(tempfile.gettempdir())}  # noqa: S108  # where embedded servers have their data
    return [str(found) for base in bases for found in base.glob(f"test-framework-*{owner.MARK}*")]


if __name__ == "__main__":
    main(sys.argv[1])
