"""What client and supervisor say to each other: one JSON object a line, over a socket that only its user can open.

Here, and only here, URLs travel with their passwords.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from test_framework.contracts import Own
from test_framework.verdict import Attempt, Endpoint, Reason, Refused, Resolution

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from test_framework.config import Settings

__all__ = [
    "UNANSWERED",
    "Channel",
    "Want",
    "endpoint_from",
    "endpoint_to",
    "refused_from",
    "refused_to",
    "resolution_from",
    "resolution_to",
]

Message = dict[str, Any]

UNANSWERED = ("give_back",)
"""The requests that no client waits for."""


@dataclass(frozen=True, slots=True)
class Want:
    """A service that a client asks for, with the providers to try and where that order came from.

    `tier` is that of the test, for the order of what the service itself depends on. `own` asks for a server that this
    run has to itself, and that ends with it.
    """

    service: str
    order: tuple[str, ...]
    source: str
    tier: str | None = None
    own: Own | None = None

    @classmethod
    def of(cls, service: str, settings: Settings, tier: str | None) -> Want:
        """Return what to ask for, by the settings."""
        order, source = settings.order(service, tier)
        return cls(service, order, source if source != "the default" else "the default order of providers", tier)

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Want:
        """Read what `to_json` wrote."""
        own = Own(**data["own"]) if data["own"] else None
        return cls(data["service"], tuple(data["order"]), data["source"], data["tier"], own)


class Channel:
    """A socket that sends and receives messages. Reading belongs to one thread, and so does writing."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def send(self, message: Message) -> None:
        """Send one message; raises `OSError` when the other side is gone."""
        self._sock.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Message | None:
        """Return the next message, or None when the other side is gone, or another thread has closed this one."""
        try:
            line = self._file.readline()
        except (ConnectionError, ValueError):  # Python's error for a file that is closed
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until the other side is gone."""
        return iter(self.receive, None)

    def close(self) -> None:
        """Close the socket."""
        self._file.close()
        self._sock.close()


def endpoint_to(endpoint: Endpoint) -> Message:
    """Write an endpoint, password and all."""
    return asdict(endpoint)


def endpoint_from(data: Message) -> Endpoint:
    """Read what `endpoint_to` wrote."""
    return Endpoint(**data)


def resolution_to(resolution: Resolution) -> Message:
    """Write a resolution with the logs of its attempts."""
    return {
        "service": resolution.service,
        "endpoint": endpoint_to(resolution.endpoint) if resolution.endpoint else None,
        "attempts": [{**a.to_json(), "log": a.log} for a in resolution.attempts],
    }


def resolution_from(data: Message) -> Resolution:
    """Read what `resolution_to` wrote."""
    endpoint = endpoint_from(data["endpoint"]) if data["endpoint"] else None
    return Resolution(data["service"], endpoint, tuple(Attempt.from_json(a) for a in data["attempts"]))


def refused_to(refused: Refused) -> Message:
    """Write a refusal with its log."""
    return {"reason": refused.reason.to_json(), "log": refused.log}


def refused_from(data: Message) -> Refused:
    """Read what `refused_to` wrote."""
    return Refused(Reason.from_json(data["reason"]), data["log"])
