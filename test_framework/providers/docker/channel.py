"""A byte stream to an engine and its deadline: what the ways to connect share. See `transport`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from test_framework.resolution import Code, Reason, hide_secrets

if TYPE_CHECKING:
    import socket

    from test_framework.providers.docker.endpoint import Candidate

LOGIN_SECONDS = 5.0
"""How long a question through ssh may take once the other machine has spoken: a login is about ten round trips."""

ASK_FOR_TLS = "Set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to a folder with ca.pem, cert.pem and key.pem."
"""What to do where a port speaks TLS and we do not."""


def reason(candidate: Candidate, code: Code, note: str = "", *, remedy: str = "", **fields: object) -> Reason:
    """Return the catalogue's reason with the address of the candidate and where it comes from.

    The note, in brackets after the message, and the remedy are for what only this case knows.
    """
    told = Reason.of(code, host=candidate.host, source=candidate.source, **fields)
    if remedy:
        told = replace(told, remedy=remedy)
    note = " ".join(hide_secrets(note).split())
    return replace(told, message=f"{told.message} ({note})") if note else told


class Clock:
    """The deadline of one candidate, and what it means when the deadline passes now.

    Attributes:
        seconds: The whole budget, as messages name it.
        late: The reason to give when time runs out; each step sets its own before it waits.
    """

    def __init__(self, candidate: Candidate, ends: float, seconds: float) -> None:
        self._candidate = candidate
        self._ends = ends
        self.seconds = seconds
        self.hung()

    def hung(self, note: str = "") -> None:
        """From now on, silence means that the daemon hangs."""
        self.late = reason(self._candidate, Code.DAEMON_HUNG, note, seconds=self.seconds)

    def unreachable(self, error: str) -> None:
        """From now on, silence means that the engine's machine cannot be reached."""
        error = f"{error} within {self.seconds:g} s"
        self.late = reason(self._candidate, Code.REMOTE_UNREACHABLE, error=error)

    def prolong(self, seconds: float) -> None:
        """Make the whole budget this long, where it is shorter."""
        self._ends += max(0.0, seconds - self.seconds)
        self.seconds = max(seconds, self.seconds)

    def seconds_left(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Channel:
    """A connected stream socket."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock

    def send(self, data: bytes) -> None:
        """Send all of it; raises OSError."""
        self._sock.settimeout(self._clock.seconds_left())
        self._sock.sendall(data)

    def receive(self) -> bytes:
        """Return the next bytes, none at the end of the stream; raises OSError."""
        self._sock.settimeout(self._clock.seconds_left())
        return self._sock.recv(65536)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()
