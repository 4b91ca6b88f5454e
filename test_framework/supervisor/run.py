"""One run of tests, as the supervisor knows it."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from test_framework.config import Settings, load
from test_framework.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from test_framework.supervisor.managed import ManagedServer

_log = logging.getLogger(__name__)


@dataclass
class Run:
    """One run of tests: its settings and environment, and the answers that all its workers share.

    Attributes:
        not_removed: What it has made on servers of somebody else's that could not be removed, in sentences.
    """

    id: str
    settings: Settings
    env: Mapping[str, str] = field(repr=False)
    memo: Memo = field(default_factory=Memo)
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    servers: dict[str, ManagedServer] = field(default_factory=dict)
    clients: int = 0
    not_removed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, run: str, root: Path, env: Mapping[str, str], overrides: Mapping[str, tuple[object, str]]) -> Run:
        """Read the settings as the client reads them; raises `BadSetting`."""
        return cls(run, load(root, env, overrides), env)

    @property
    def over(self) -> bool:
        """Whether its last client has left."""
        return self.clients <= 0

    @contextmanager
    def forwarding_progress_to(self, listener: Callable[[str], None]) -> Iterator[None]:
        """Pass what `say` is given in the block to a listener."""
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)

    def say(self, text: str) -> None:
        """Log a line, and pass it to the listeners, who wait for something."""
        _log.info("%s", text)
        for listener in list(self.listeners):
            with suppress(OSError):
                listener(text)
