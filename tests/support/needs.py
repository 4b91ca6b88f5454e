"""What a test needs of the machine: programs, rights, devices. A machine without it skips the test, with one reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from test_framework.plugin.lease import ReasonedSkip
from test_framework.reasons import Code, Kind
from test_framework.resolution import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["lack", "need"]

_PACKAGES = {
    "chromium": "chromium",
    "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
    "clickhouse": "clickhouse-server",
    "containerd": "containerd",
    "docker": "docker.io",
    "dockerd": "docker.io",
    "git": "git",
    "ip": "iproute2",
    "iptables": "iptables",
    "ldd": "libc-bin",
    "nsenter": "util-linux",
    "patch": "patch",
    "psql": "postgresql-client",
    "redis-server": "redis-server",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "unshare": "util-linux",
}
"""Programs, each with the package of Debian that has it."""


def _terminals() -> bool:
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        return False
    return True


def _mounts() -> bool:
    command = ["unshare", "--mount", "--propagation=private", "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


_RIGHTS: dict[str, tuple[Callable[[], bool], str, str]] = {
    "root": (lambda: os.geteuid() == 0, "the rights of root", "Run the tests as root."),
    "mounts": (_mounts, "root, and the right to mount", "Run the tests as root, outside of a container."),
    "terminals": (_terminals, "terminal devices (/dev/ptmx)", "Mount devpts on /dev/pts."),
}


def lack(*names: str) -> Reason | None:
    """Return why the machine does not have one of these; None when it has them all."""
    return next(filter(None, map(_lack, names)), None)


@cache
def _lack(name: str) -> Reason | None:
    if name in _RIGHTS:
        there, what, remedy = _RIGHTS[name]
        return None if there() else Reason(Code.SKIPPED_BY_TEST, f"the test needs {what}", remedy, Kind.UNAVAILABLE)
    if shutil.which(name):
        return None
    install = f"apt-get install {_PACKAGES[name]}"
    return Reason.of(Code.BINARY_MISSING, binary=name, looked="is on the PATH, and the test runs it", install=install)


def need(*names: str) -> None:
    """Skip the running test where one of these is not there.

    A test says what it needs by `@pytest.mark.needs(…)`; a fixture calls this.

    Args:
        names: Programs, or `root`, `mounts`, `terminals`.

    Raises:
        KeyError: A name is not in the tables of this module.
        ReasonedSkip: The machine lacks it.
    """
    if reason := lack(*names):
        raise ReasonedSkip(reason)
