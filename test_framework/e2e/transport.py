"""What the two clients of the WebSocket have in common beside the protocol: how they connect, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from test_framework.e2e.errors import ConnectionEnded, HandshakeRefused, error_code
from test_framework.e2e.protocol import Conversation
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    from test_framework.e2e.deployment import Deployment
    from test_framework.e2e.events import EventRecorder
    from test_framework.e2e.protocol import Message

__all__ = ["Client", "Via", "ended", "handshake", "refused"]

Via: TypeAlias = Literal["header", "subprotocol", "message"]

_ABNORMAL = 1006


def handshake(deployment: Deployment, token: str | None, via: Via, seconds: float) -> dict[str, Any]:
    """Return the arguments with which either kind of `websockets.connect` makes the connection."""
    KNOWN.add_passing(token or "")
    offered = [deployment.api.subprotocol] if deployment.api.subprotocol else []
    if token is not None and via == "subprotocol":
        offered.append(f"bearer.{token}")
    options: dict[str, Any] = {
        "uri": deployment.websocket_url,
        "open_timeout": seconds,
        "close_timeout": 1,
        # Only what the protocol says keeps the connection.
        "ping_interval": None,
        "proxy": None,
        "compression": None,
        "subprotocols": offered or None,
    }
    if deployment.websocket_url.startswith("wss:"):
        options["ssl"] = deployment.ssl
    if token is not None and via == "header":
        options["additional_headers"] = {"Authorization": f"Bearer {token}"}
    return options


class Client:
    """A client, as far as it does no input and output."""

    def __init__(self, recorder: EventRecorder | None) -> None:
        self._conversation = Conversation(recorder)

    @property
    def ready(self) -> Message:
        """The server's first message; `RuntimeError` before it has come."""
        if self._conversation.ready is None:
            raise RuntimeError("the connection is not ready: it has brought no good token yet")
        return self._conversation.ready

    @property
    def last_sequence(self) -> int:
        """Where a later connection has to `resume`: the newest event received, at first that of `ready` or `resume`."""
        return self._conversation.last_sequence


def ended(error: ConnectionClosed) -> ConnectionEnded:
    """Return our error for that of the library."""
    return ConnectionEnded(error.rcvd.code, error.rcvd.reason) if error.rcvd else ConnectionEnded(_ABNORMAL, "")


def refused(error: InvalidStatus) -> HandshakeRefused:
    """Return our error for that of the library."""
    status = error.response.status_code
    return HandshakeRefused(status, error_code(status, bytes(error.response.body or b"")))
