"""A bound on a whole conversation: however little the other side sends at a time, and however often, it ends."""

from __future__ import annotations

import io
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

T = TypeVar("T")


class Deadline:
    """A point in time, so many seconds from now.

    Attributes:
        seconds: The whole budget, as messages name it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begin = time.monotonic()

    @property
    def passed(self) -> float:
        """The seconds that have passed."""
        return time.monotonic() - self._begin

    @property
    def over(self) -> bool:
        """Whether it has come."""
        return self.passed >= self.seconds

    def seconds_left(self) -> float:
        """Return the seconds that are left; raises `TimeoutError` when there are none."""
        left = self.seconds - self.passed
        if left <= 0:
            raise self.error()
        return left

    def error(self) -> TimeoutError:
        """Return what to raise when it has come."""
        return TimeoutError(f"no whole answer within {self.seconds:g} s")


class DeadlineSocket(io.RawIOBase):
    """An open socket of which all reading and writing together ends by a deadline.

    A timeout of a socket bounds each packet: whoever sends a byte a second never reaches it. `http.client` takes this
    in the place of a socket.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self.deadline = deadline

    def readable(self) -> bool:
        """As `io` asks."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what has come, or wait for it; raises `TimeoutError` at the deadline."""
        with self._bounded():
            return self._sock.recv_into(buffer)

    def recv(self, size: int) -> bytes:
        """Return what has come, or wait for it; raises as `readinto`."""
        with self._bounded():
            return self._sock.recv(size)

    def sendall(self, data: bytes) -> None:
        """Send all of it; raises as `readinto`."""
        with self._bounded():
            self._sock.sendall(data)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        self._sock.settimeout(self.deadline.seconds_left())
        try:
            yield
        except TimeoutError as error:
            raise self.deadline.error() from error

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader, as a socket does."""
        if mode != "rb":
            raise ValueError(mode)
        # What a reader closes is this object: the socket belongs to whoever opened it.
        return io.BufferedReader(DeadlineSocket(self._sock, self.deadline))


def within(seconds: float, what: str, ask: Callable[[], T]) -> T:
    """Return what `ask` returns, or raise what it raises; for code of others that knows no bound on the whole.

    It runs in a thread, which is left behind when it takes too long: nothing can interrupt it.

    Args:
        seconds: The bound.
        what: Who does not answer, for the error.
        ask: What to do.

    Raises:
        TimeoutError: The time is over.
    """
    answers: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001  # raised again below, where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name=f"ask {what}")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if answers:
        return answers[0]
    raise TimeoutError(f"{what} has not answered within {seconds:g} s")
