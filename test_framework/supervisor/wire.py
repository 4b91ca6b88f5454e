"""The protocol between client and supervisor: one JSON object a line, over a socket that only its user can open.

Here, and only here, URLs travel with their passwords.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from test_framework.contracts import Dedicated
from test_framework.resolution import Attempt, Endpoint, Reason, Refused, Resolution

if TYPE_CHECKING:
    from test_framework.config import Settings

Message = dict[str, Any]

_CHUNK_BYTES = 65536
_LOOK_SECONDS = 1.0
_NO_WAIT = socket.MSG_DONTWAIT

UNANSWERED = ("give_back",)
"""The requests that no client waits for."""

BUSY: Message = {"busy": True}
"""Sent each second while a request is worked on: so a client can tell a busy supervisor from a stopped one."""


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request for a service.

    Attributes:
        service: The name of the service.
        order: The providers to try.
        source: Where that order came from, for the reason.
        tier: The tier of the test, which decides the order for the services that this one depends on.
        dedicated: How a dedicated server has to be, which ends with the run; None for a shared one.
    """

    service: str
    order: tuple[str, ...]
    source: str
    tier: str | None = None
    dedicated: Dedicated | None = None

    @classmethod
    def of(cls, service: str, settings: Settings, tier: str | None) -> ServiceRequest:
        """Return the request for a service, with the order of the settings."""
        order, source = settings.order(service, tier)
        return cls(service, order, source if source != "the default" else "the default order of providers", tier)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ServiceRequest:
        """Read what `to_json` wrote."""
        dedicated = Dedicated(**data["dedicated"]) if data["dedicated"] else None
        return cls(data["service"], tuple(data["order"]), data["source"], data["tier"], dedicated)


class MessageChannel:
    """A socket that sends and receives messages. Reading belongs to one thread, and so does writing."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        self._sock = sock
        self._read = bytearray()

    def send(self, message: Message, seconds: float | None = None) -> None:
        """Send one message.

        Raises:
            TimeoutError: The other side has not read it within `seconds`.
            OSError: It is gone.
        """
        packed = memoryview(json.dumps(message).encode() + b"\n")
        wait = _SocketWait(self._sock, select.POLLOUT, seconds)
        while packed:
            wait.until_ready()
            with suppress(BlockingIOError):
                packed = packed[self._sock.send(packed, _NO_WAIT) :]

    def offer(self, message: Message) -> None:
        """Send a short message without waiting; it is dropped when the other side does not read."""
        with suppress(BlockingIOError):
            if _SocketWait(self._sock, select.POLLOUT, 0).ready(0):
                self._sock.send(json.dumps(message).encode() + b"\n", _NO_WAIT)

    def receive(self, seconds: float | None = None) -> Message | None:
        """Return the next message, or None when the other side is gone, or another thread has closed this one.

        Raises:
            TimeoutError: It has not come, in whole, within `seconds`.
        """
        try:
            wait = _SocketWait(self._sock, select.POLLIN, seconds)
            while (end := self._read.find(b"\n")) < 0:
                wait.until_ready()
                received = self._sock.recv(_CHUNK_BYTES)
                if not received:
                    return None
                self._read += received
        except TimeoutError:
            raise
        except OSError:
            return None
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class _SocketWait:
    """Waits until a socket is ready, `seconds` in all, or without a bound when that is None.

    It counts the looks, and not the clock: when this process was stopped itself, as by Ctrl-Z, or with its container,
    the other side has not been silent for so long.
    """

    def __init__(self, sock: socket.socket, event: int, seconds: float | None) -> None:
        if sock.fileno() < 0:
            # By another thread, which is no error in what this one does.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self._poll = select.poll()
        self._poll.register(sock, event)
        self._seconds = seconds
        self._seconds_left = seconds or 0.0

    def ready(self, seconds: float | None) -> bool:
        """Wait `seconds` at most; return whether the socket is ready, or the other side is gone."""
        return bool(self._poll.poll(None if seconds is None else seconds * 1000))

    def until_ready(self) -> None:
        """Wait; raise `TimeoutError` when the time is over."""
        if self._seconds is None:
            self.ready(None)
            return
        while self._seconds_left > 0:
            begin, slice_ = time.monotonic(), min(_LOOK_SECONDS, self._seconds_left)
            found = self.ready(slice_)
            self._seconds_left -= min(slice_, time.monotonic() - begin)
            if found:
                return
        raise TimeoutError(f"nothing came within {self._seconds:g} s")


def endpoint_to_json(endpoint: Endpoint) -> Message:
    """Return an endpoint as JSON data, with its password."""
    return asdict(endpoint)


def endpoint_from_json(data: Message) -> Endpoint:
    """Read what `endpoint_to_json` wrote."""
    return Endpoint(**data)


def resolution_to_json(resolution: Resolution) -> Message:
    """Return a resolution as JSON data, with the logs of its attempts."""
    return {
        "service": resolution.service,
        "endpoint": endpoint_to_json(resolution.endpoint) if resolution.endpoint else None,
        "attempts": [{**a.to_json(), "log": a.log} for a in resolution.attempts],
    }


def resolution_from_json(data: Message) -> Resolution:
    """Read what `resolution_to_json` wrote."""
    endpoint = endpoint_from_json(data["endpoint"]) if data["endpoint"] else None
    return Resolution(data["service"], endpoint, tuple(Attempt.from_json(a) for a in data["attempts"]))


def refused_to_json(refused: Refused) -> Message:
    """Return a refusal as JSON data, with its log."""
    return {"reason": refused.reason.to_json(), "log": refused.log}


def refused_from_json(data: Message) -> Refused:
    """Read what `refused_to_json` wrote."""
    return Refused(Reason.from_json(data["reason"]), data["log"])
