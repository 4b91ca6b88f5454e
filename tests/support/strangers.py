"""Another user of the machine, who does what he may where everybody may."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DAEMON", "NOBODY", "as_user", "done_as"]

# The interpreter may be where only root may enter, so what the code imports is imported before.
_BECOME = """\
import ctypes, os, socket, sys, time
os.setgroups([]), os.setgid({uid}), os.setuid({uid})
"""

NOBODY, DAEMON = 65534, 1
"""The user that our servers run as where we are root, and another one."""


@contextmanager
def as_user(uid: int, code: str, *args: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run Python code as a user, until the block ends; it has begun when it has printed a line.

    Args:
        uid: Of the user.
        code: Its arguments are `sys.argv[1:]`; `ctypes`, `os`, `socket`, `sys` and `time` are imported.
        args: The arguments.
        env: Variables beside the PATH.
    """
    with subprocess.Popen(
        [sys.executable, "-I", "-c", _BECOME.format(uid=uid) + code, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], **(env or {})},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "it did not begin"
            yield process
        finally:
            process.kill()


def done_as(uid: int, code: str, *args: str) -> None:
    """Run Python code as a user to its end, which has to be a good one."""
    with as_user(uid, f"{code}\nprint('done', flush=True)", *args) as process:
        assert process.wait(120) == 0
