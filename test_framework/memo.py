"""Answers that hold for the length of one run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Memo:
    """Remembers answers for the length of one run, so that each question is asked once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._answers: dict[str, tuple[Any, BaseException | None]] = {}

    def once(self, key: str, ask: Callable[[], T]) -> T:
        """Return the answer of `ask`, or raise what it raised, the same each time."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                try:
                    self._answers[key] = (ask(), None)
                except Exception as error:  # noqa: BLE001  # raised again, to everybody who asks
                    self._answers[key] = (None, error)
            answer, raised = self._answers[key]
        if raised is not None:
            raise raised
        return answer  # type: ignore[no-any-return]  # it came from `ask`, under the same key
