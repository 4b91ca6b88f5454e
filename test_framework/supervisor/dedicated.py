"""The port of a dedicated server: whether it is free, and which process has it."""

from __future__ import annotations

import errno
import pwd
import socket
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.contracts import Dedicated, Provider, Service

_LISTENS = "0A"
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@contextmanager
def on_free_port(service: Service, provider: Provider, dedicated: Dedicated | None) -> Iterator[None]:
    """Check the port of a dedicated server before and after the block, which starts it there.

    Raises:
        Refused: `port-taken`, when another server would answer there in its place.
    """
    port = dedicated.port if dedicated and provider.builds_on else 0
    _refuse_taken(service, port)
    try:
        yield
    except Refused:
        # Another process may have taken it meanwhile, which each provider reports in its own way.
        _refuse_taken(service, port)
        raise


def _refuse_taken(service: Service, port: int) -> None:
    if port and (why := why_taken(port)):
        by = describe_listener(port)
        error = f"{why}, by {by}" if by else why
        raise Refused(Reason.of(Code.PORT_TAKEN, service=service.name, port=port, error=error))


def why_taken(port: int) -> str | None:
    """Return why a port of the loopback network cannot be listened on, or None; `localhost` may mean IPv6 too."""
    for family, host in _LOOPBACK.items():
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
            # As servers do: what only waits for late packets of an earlier one is free.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError as error:
                # A machine without IPv6 has no such address.
                if error.errno != errno.EADDRNOTAVAIL:
                    return error.strerror or str(error)
    return None


def describe_listener(port: int) -> str:
    """Return who listens on a port, as far as the system tells us: a process, else its user, else an empty text.

    Only Linux tells everybody, in `/proc/net/tcp`; see proc(5). What runs in a container is there as `docker-proxy`.
    """
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, _, _, _, uid, _, inode, *_ = line.split()
                if state == _LISTENS and int(local.rpartition(":")[2], 16) == port:
                    return _process_of(inode) or f"a process of user {_name_of(int(uid))}"
    return ""


def _process_of(inode: str) -> str:
    """Return the process that has a socket open, among those that we may look into."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(fd.readlink()) == f"socket:[{inode}]" for fd in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
    return ""


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
