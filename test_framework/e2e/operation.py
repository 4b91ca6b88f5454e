"""How either client of the WebSocket carries out what `protocol` wants done: all of it that is no input or output."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from websockets.exceptions import ConnectionClosed, InvalidStatus

from test_framework.e2e.protocol import Receive
from test_framework.e2e.transport import ended, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.e2e.protocol import Operation, Send

T = TypeVar("T")


class Execution(Generic[T]):
    """An operation that is being carried out, step by step.

    Attributes:
        step: What is to be done now; None when there is a result.
        received: The text that was received, which the client puts here.
        result: What the operation returned.
    """

    result: T

    def __init__(self, operation: Operation[T]) -> None:
        self._operation = operation
        self.received = ""
        self.step: Send | Receive | None
        with self._until_the_result():
            self.step = next(operation)

    @contextmanager
    def carrying_out(self, step: Send | Receive) -> Iterator[None]:
        """Do the step in the block; afterwards the operation is told how it went, and there is a next step.

        Raises:
            NotInTime: The text has not come, and the operation does not know what to make of that.
            ConnectionEnded: Likewise, when the connection has ended.
        """
        error: Exception
        try:
            yield
        except TimeoutError:
            if not isinstance(step, Receive):
                raise
            error = step.late
        except ConnectionClosed as closed:
            error = ended(closed)
            error.__cause__ = closed
        else:
            with self._until_the_result():
                self.step = self._operation.send(self.received)
            return
        with self._until_the_result():
            self.step = self._operation.throw(error)

    @contextmanager
    def _until_the_result(self) -> Iterator[None]:
        try:
            yield
        except StopIteration as done:
            self.step, self.result = None, done.value


@contextmanager
def refusing_redirects() -> Iterator[None]:
    """Raise our error for any other answer to a handshake than a WebSocket: with a redirect, a token would go along.

    The library follows the redirects that it knows by its own error, whatever its version, and this is ours.
    """
    try:
        yield
    except InvalidStatus as error:
        raise refused(error) from error
