"""Connects to an engine: over a socket or TCP, and by `tls` and `ssh`. No stream outlives its deadline."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.providers.docker.channel import Channel, Clock, reason
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.endpoint import Candidate

_RETRY_SECONDS = 0.01


def connect(candidate: Candidate, env: Mapping[str, str], clock: Clock) -> Channel:
    """Open a stream to the candidate.

    Args:
        candidate: The address.
        env: The environment for the ssh program, which is looked up on its PATH.
        clock: The deadline.

    Raises:
        Refused: It cannot be reached, and the reason says why.
        TimeoutError: The deadline passed; `clock.late` is the reason.
    """
    scheme = candidate.host.partition("://")[0]
    if scheme == "unix":
        return Channel(_connect_unix(candidate, clock), clock)
    if scheme == "ssh":
        from test_framework.providers.docker.ssh import connect_ssh

        return connect_ssh(candidate, env, clock)
    if scheme == "tcp":
        sock = _connect_tcp(candidate, clock)
        if candidate.tls is None:
            return Channel(sock, clock)
        from test_framework.providers.docker.tls import TLSChannel

        return TLSChannel(sock, candidate, candidate.tls, clock)
    error = "named pipes are not supported; use WSL, or a tcp:// address"
    raise Refused(reason(candidate, Code.BAD_DOCKER_HOST, value=candidate.host, error=error))


def absence(candidate: Candidate) -> Reason | None:
    """Return why the socket of a `unix://` candidate cannot even be tried, or None. Contacts nobody."""
    path = candidate.path
    if not path:
        return None
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - the path is text
    except PermissionError:
        return _denied(candidate)
    except (OSError, ValueError) as error:
        # Docker Desktop leaves a link to the socket that it removed.
        link = f"a link to {os.readlink(path)}, which is not there" if os.path.islink(path) else ""  # noqa: PTH114, PTH115
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        note = link or ("" if missing else _text(error))
        return reason(candidate, Code.SOCKET_MISSING, note)
    if stat.S_ISSOCK(mode):
        return None
    # `docker run -v /var/run/docker.sock:…` makes a folder where there is no socket.
    kind = "a folder" if stat.S_ISDIR(mode) else "a file"
    return reason(candidate, Code.SOCKET_MISSING, f"the path is {kind}, not a socket")


def _connect_unix(candidate: Candidate, clock: Clock) -> socket.socket:
    clock.hung()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        while True:
            sock.settimeout(clock.seconds_left())
            try:
                sock.connect(candidate.path)
            except BlockingIOError:
                # Linux says so at once when the queue of connections is full.
                clock.hung("it accepts no connection")
                time.sleep(min(_RETRY_SECONDS, clock.seconds_left()))
            else:
                return sock
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise Refused(_unix_fault(candidate, error)) from error
        raise


def _unix_fault(candidate: Candidate, error: OSError) -> Reason:
    if isinstance(error, FileNotFoundError):
        return reason(candidate, Code.SOCKET_MISSING)
    if isinstance(error, ConnectionRefusedError):
        return reason(candidate, Code.DAEMON_NOT_RUNNING, "the socket is stale")
    if isinstance(error, PermissionError):
        return _denied(candidate)
    if error.errno is None:
        # Python's own check of the length, about 107 bytes: "AF_UNIX path too long".
        why = f"the path has {len(os.fsencode(candidate.path))} bytes, more than a socket's may have"
        return reason(candidate, Code.BAD_DOCKER_HOST, value=candidate.host, error=why)
    if error.errno == errno.EPROTOTYPE:
        return reason(candidate, Code.NOT_DOCKER, error="it is a socket of another kind")
    return reason(candidate, Code.DAEMON_ERROR, error=_text(error))


def _denied(candidate: Candidate) -> Reason:
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return reason(candidate, Code.PERMISSION_DENIED, _owner(candidate.path, user), user=user)


def _owner(path: str, user: str) -> str:
    """Say whose the socket is, and whether only a new login is missing."""
    import grp

    try:
        status = os.stat(path)  # noqa: PTH116 - the path is text
        group = grp.getgrgid(status.st_gid)
    except (OSError, KeyError):
        return ""
    if user in group.gr_mem and status.st_gid not in os.getgroups():
        return f"{user} joined the group {group.gr_name} after this login: log in again, or run newgrp {group.gr_name}"
    return f"it belongs to the group {group.gr_name}, mode {stat.S_IMODE(status.st_mode):o}"


def _connect_tcp(candidate: Candidate, clock: Clock) -> socket.socket:
    address = urlsplit(candidate.host)
    name, port = address.hostname or "", address.port
    # Nothing can interrupt the system's resolver: whoever runs this in a thread leaves it behind at the deadline.
    clock.unreachable(f"the name {name} is not resolved")
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = f"the name {name} cannot be resolved: {_text(error)}"
        raise Refused(reason(candidate, Code.REMOTE_UNREACHABLE, error=why)) from error
    clock.unreachable("the connection is not made")
    fault: OSError | None = None
    for tries_left, (family, kind, protocol, _, target) in zip(range(len(found), 0, -1), found, strict=True):
        sock = socket.socket(family, kind, protocol)
        try:
            # A share each, so that one dead address does not use up the time of the next.
            sock.settimeout(clock.seconds_left() / tries_left)
            sock.connect(target)
        except OSError as error:
            sock.close()
            fault = error
        else:
            return sock
    if fault is None or isinstance(fault, TimeoutError):
        raise TimeoutError
    raise Refused(reason(candidate, Code.REMOTE_UNREACHABLE, error=_text(fault))) from fault


def _text(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
