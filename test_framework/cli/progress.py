"""How far a command is, for a person who watches."""

from __future__ import annotations

import os
import sys
import time

_EVERY_SECONDS = 0.1


class Progress:
    """One line on a terminal that changes; nothing anywhere else."""

    def __init__(self) -> None:
        self.shown = 0.0
        self.on = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, what: str, done: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if self.on and now - self.shown > _EVERY_SECONDS:
            self.shown = now
            sys.stderr.write(f"\r{done} files {what}\x1b[K")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self.on and self.shown:
            sys.stderr.write("\r\x1b[K")
