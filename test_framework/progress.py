"""How far a pull, a download or a start is: what is said, and where a person sees it."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_SAY_EVERY = 1.0
_LINE_EVERY = 10.0
_MEGABYTE = 1e6
_ERASE = "\r\x1b[K"


class Transfer:
    """Says once a second how much of something has come, how fast, and how long it still takes."""

    def __init__(self, what: str, say: Callable[[str], None]) -> None:
        self._what = what
        self._say = say
        self._begin: tuple[float, int] | None = None
        self._said = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether an update is of use now: asking how much has come may cost more than saying it."""
        return self._begin is None or time.monotonic() - self._said >= _SAY_EVERY

    def update(self, done: int, total: int) -> None:
        """Take how many bytes have come, of how many; 0 where that is not known."""
        now = time.monotonic()
        if self._begin is None:
            self._begin = now, done
        if now - self._said < _SAY_EVERY:
            return
        self._said = now
        begin, first = self._begin
        rate = (done - first) / (now - begin) if now > begin else 0.0
        of_all = f" of {total / _MEGABYTE:.0f}" if total else ""
        speed = f", {rate / _MEGABYTE:.1f} MB/s" if rate > 0 else ""
        left = f", {max(total - done, 0) / rate:.0f} s left" if rate > 0 and total else ""
        self._say(f"{self._what}: {done / _MEGABYTE:.0f}{of_all} MB{speed}{left}")


class ProgressLine:
    """One line that changes where a person watches; anywhere else a line every ten seconds of what takes long.

    Texts with the same words before the first colon are about the same thing, and replace each other.
    """

    def __init__(self, write: Callable[[str], object], *, watched: bool) -> None:
        """Write by `write`, which takes text as it is; `watched` says whether it is a terminal."""
        self._write = write
        self._watched = watched and os.environ.get("TERM") != "dumb"
        self._subject = ""
        self._since = 0.0
        self._open = False

    @classmethod
    def on(cls, stream: TextIO) -> ProgressLine:
        """Return one that writes to a stream, such as standard error."""

        def write(text: str) -> None:
            stream.write(text)
            stream.flush()

        return cls(write, watched=stream.isatty())

    def __call__(self, text: str) -> None:
        """Show how far it is."""
        subject, _, _ = text.partition(": ")
        same, now = subject == self._subject, time.monotonic()
        if not same:
            self._subject, self._since = subject, now
        if not self._watched:
            if now - self._since >= _LINE_EVERY:
                self._since = now
                self._write(f"{text}\n")
            return
        before = "" if not self._open else _ERASE if same else "\n"
        self._write(before + text[: shutil.get_terminal_size().columns - 1])
        self._open = True

    def end(self) -> None:
        """End the line, before anything else is written."""
        if self._open:
            self._write("\n")
        self._open, self._subject = False, ""
