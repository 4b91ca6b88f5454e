"""Uvicorn's HTTP, with a bound on the head of a request: in time, and in size.

Without one, whoever opens a connection and leaves it keeps it, and whoever sends headers without end fills the memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttp"]

_LARGEST_HEAD = 65536


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request does not begin, or whose head does not end, in so many seconds."""

    def __init__(self, *args: Any, seconds: float, **more: Any) -> None:
        super().__init__(*args, **more)
        self._seconds = seconds
        self._patience: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes, unless there are too many before the head is over."""
        if self._patience is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._patience is not None and self._head_bytes > _LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a head."""
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The request is there."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """All is over."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._head_bytes = 0
        self._patience = asyncio.get_running_loop().call_later(self._seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
