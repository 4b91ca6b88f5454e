"""What stands before the servers of a stand-in: passes bytes on over TLS, at once or late, or refuses to."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_CHUNK = 1 << 16
_SWITCHING = b"HTTP/1.1 101 "
_START_SECONDS = 5.0


def relay(host: str, port: int, delay: float = 0.0) -> Talk:
    """Return what passes bytes on to a server and back; what the server says on a WebSocket comes `delay` s late."""

    async def talk(near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection(host, port)
        ways = [asyncio.create_task(_pass_on(near, to_far)), asyncio.create_task(_pass_on(far, to_near, delay))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            to_far.close()

    return talk


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float = 0.0) -> None:
    late = False
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            late = late or (delay > 0 and data.startswith(_SWITCHING))
            if late:
                # Each part is late, and not one after the other: this is latency.
                asyncio.get_running_loop().call_later(delay, sink.write, data)
            else:
                sink.write(data)
                await sink.drain()
        await asyncio.sleep(delay if late else 0)


async def unavailable(near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
    """Answer 503, as a load balancer does that has no server behind it."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await near.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        to_near.write(head.encode())
        await to_near.drain()


class Front:
    """Listens on a free port of the loopback network, in a thread of its own, for as long as the block lasts.

    Args:
        talk: What is done with each connection.
        tls: The server's side of TLS; None for plain TCP.
    """

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._tls = tls
        self._started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True, name="front")

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        self.port = self._started.result(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.cut()

    def cut(self) -> None:
        """Close the port and break all connections, for good."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await self._over.wait()
        server.close()
        # What is still connected is cancelled as the loop ends.

    async def _accept(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        try:
            # The task ends here in any case, and asyncio would report one that was cancelled.
            with suppress(OSError, asyncio.CancelledError):
                await self._talk(near, to_near)
        finally:
            to_near.close()
