"""Data directories of embedded Postgres servers: made by initdb once, and copied for each start."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from test_framework import private
from test_framework.inherited import AS_IN_A_CONTAINER, inherited
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services import _user_name
from test_framework.services._binaries import libraries_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from test_framework.contracts import Binary, Launch, RunAs

_log = logging.getLogger(__name__)
USER = "postgres"
"""The superuser of each server of ours."""

_FIRST_PASSWORD_FILE = "first-password"  # noqa: S105  # no password
"""The name of the file that initdb reads the password from."""

_INITDB = (
    *("-U", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"),
    # The first segment of the log is most of a new data directory, which is copied for each start.
    "--wal-segsize=1",
)
_NAMELESS = "could not look up effective user ID"
"""What initdb says to a user without a name. It is in English, as all that it is told to say."""

_DISK_FULL_SIGNS = ("No space left", "Check free disk space")
"""What is said of a full disk: by the system, and by Postgres of a block of which only a part was written."""

_LOCALE = "--lc-ctype=C.UTF-8"
"""Letters beyond ASCII are letters, as in the official image and in Debian's clusters; without it `lower` and `ILIKE`
know ASCII alone. Not every system has this locale."""


def make_data_directory(binary: Binary, data: Path, launch: Launch, run: RunAs) -> str:
    """Make a data directory, and return its first password, which lasts until the server has started.

    It is a copy of one that initdb has made before, kept for each program and user, since that is most of a cold start.

    Raises:
        Refused: initdb fails.
        OSError: Files of ours cannot be written.
    """
    cached = _cache_path(launch.cache(), binary, run)
    try:
        return _copy_from_cache(cached, data)
    except (FileNotFoundError, private.NotOurs):
        # There is none, or not all of it, or not ours alone.
        for folder in (data, cached):
            private.remove(folder)
    # initdb runs as the server's user, and is given what it reads and writes.
    first = secrets.token_urlsafe(18)
    private.write_private(data.with_name(_FIRST_PASSWORD_FILE), first)
    private.hand_over(data.parent, run.uid, run.gid)
    _run_initdb(binary, data, run)
    _store_in_cache(data, first, cached, run)
    return first


def _cache_path(base: Path, binary: Binary, run: RunAs) -> Path:
    """Return where the data directory of a program and a user is cached: all that decides what is in it is in the name.

    Of the environment nothing does: see `AS_IN_A_CONTAINER`.
    """
    stamp = binary.path.stat()
    program = (binary.path, binary.version, stamp.st_size, stamp.st_mtime_ns)
    key = repr((*program, run.uid, _INITDB, _LOCALE, AS_IN_A_CONTAINER))
    for part in private.abandoned(base):
        private.remove(part)
    return base / f"initdb-{binary.version}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _copy_from_cache(cached: Path, data: Path) -> str:
    with private.opened(cached) as folder:
        first, _ = private.read(_FIRST_PASSWORD_FILE, folder)
    private.copy(cached / "data", data)
    return first


def _store_in_cache(data: Path, first: str, cached: Path, run: RunAs) -> None:
    """Cache a data directory for the next start, if there is room for it."""
    part = None
    try:
        part = private.make(cached.parent, "initdb")
        private.write_private(part / _FIRST_PASSWORD_FILE, first)
        private.copy(data, part / "data", of=run.uid)
        # Where another process was first, it has made one that is as good.
        part.rename(cached)
    except OSError as error:
        _log.info("the data directory of initdb is not kept: %s", error)
    finally:
        if part is not None:
            private.remove(part)


def _run_initdb(binary: Binary, data: Path, run: RunAs) -> None:
    env = inherited(os.environ)
    env |= AS_IN_A_CONTAINER | libraries_for(binary, env)
    command = [
        str(binary.path.with_name("initdb")),
        "-D",
        str(data),
        f"--pwfile={data.with_name(_FIRST_PASSWORD_FILE)}",
        *_INITDB,
    ]
    result = _run_as([*command, _LOCALE], data.parent, run, env)
    with ExitStack() as stack:
        name: _user_name.Named = ({}, ())
        if _NAMELESS in result.stderr and _user_name.supported():
            name = stack.enter_context(_user_name.named(USER))
            result = _run_as([*command, _LOCALE], data.parent, run, env, name)
        if "invalid locale name" in result.stderr:
            result = _run_as(command, data.parent, run, env, name)
    if result.returncode:
        raise Refused(_why_not(result, data), log=result.stderr)


def _run_as(
    command: list[str], folder: Path, run: RunAs, env: Mapping[str, str], name: _user_name.Named = ({}, ())
) -> subprocess.CompletedProcess[str]:
    variables, descriptors = name
    result: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  # our own arguments
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={**env, **variables},
        pass_fds=descriptors,
        **run.popen,
    )
    return result


def _why_not(result: subprocess.CompletedProcess[str], data: Path) -> Reason:
    """Return why initdb has failed."""
    if _NAMELESS in result.stderr:
        return Reason.of(Code.USER_UNKNOWN, service="postgres", uid=os.geteuid())
    lines = result.stderr.strip().splitlines()
    # The last lines tell of its tidying up; the cause comes before.
    errors = [line for line in lines if "FATAL" in line or "error:" in line or "No space" in line] or lines
    error = errors[-1] if errors else f"initdb exited {result.returncode}"
    if any(sign in result.stderr for sign in _DISK_FULL_SIGNS):
        return Reason.of(Code.DISK_FULL, what=data, error=error)
    return Reason.of(Code.START_FAILED, service="postgres", provider="embedded", error=error)
