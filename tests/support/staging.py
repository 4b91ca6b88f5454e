"""What the tests of staging share: what a reason does to a test, and servers that answer what they are told to."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from test_framework.plugin.lease import ReasonedSkip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.resolution import Reason
    from test_framework.staging.steps import CheckStep

__all__ = ["answering", "judge", "latencies"]


def judge(*reasons: Reason | None) -> None:
    """End the test for these: it fails for what is broken, all of it at once, and is skipped for what is unavailable.

    None is no reason. Without a reason the test goes on.
    """
    if broken := [f"{reason}. {reason.remedy}" for reason in reasons if reason and reason.broken]:
        pytest.fail("\n".join(broken), pytrace=False)
    if unavailable := next(filter(None, reasons), None):
        raise ReasonedSkip(unavailable)


def latencies(name: str, steps: Iterable[CheckStep]) -> list[tuple[str, object]]:
    """Return the seconds of the steps as properties of a test, for the JUnit report."""
    return [(f"{name}.{step.name}.seconds", round(step.seconds, 4)) for step in steps]


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Listen on a port and answer each request with these bytes; yield the port."""

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
