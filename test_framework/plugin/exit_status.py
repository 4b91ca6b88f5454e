"""How a tier's run ends: its exit status is 0 only where a verdict was reached, and says so.

pytest itself exits 0 for `pytest.exit(returncode=0)`, for `sys.exit(0)` in a conftest, for `--setup-plan` in
`PYTEST_ADDOPTS`, and whatever a conftest makes of `session.exitstatus`; `os._exit(0)` ends it without a word.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class ExitStatusGuard:
    """Watches over the exit status of one run, in the process that judges it.

    Attributes:
        green: The verdict; None as long as there is none.
    """

    def __init__(self, config: pytest.Config, tier: str) -> None:
        self.green: bool | None = None
        self._config = config
        self._tier = tier
        self._pid = os.getpid()
        self._exit = os._exit
        self._watch = _exit_of(self)

    @classmethod
    def watch(cls, config: pytest.Config, tier: str) -> ExitStatusGuard:
        """Watch over a run from here on; where pytest is called by another program, only until the run is over."""
        ending = config.stash[KEY] = cls(config, tier)
        os._exit = ending._watch  # type: ignore[assignment]  # of this class
        if not _is_whole_process():
            config.add_cleanup(ending.leave)
        return ending

    def leave(self) -> None:
        """Put back what was there before, unless somebody else has put something in its place."""
        if os._exit is self._watch:
            os._exit = self._exit

    @property
    def is_forked(self) -> bool:
        """Whether this is a process that a test has forked, and that goes on as if it were pytest."""
        return os.getpid() != self._pid

    def end_fork(self) -> None:
        """End a forked process before it writes reports in the place of those of the run."""
        if self.is_forked:
            self._warn("a process that a test has forked came to the end of pytest: end it by os._exit in the test")
            self._exit(pytest.ExitCode.TESTS_FAILED)

    def status(self, status: int | pytest.ExitCode, why: str = "") -> int | pytest.ExitCode:
        """Return the exit status: what would be 0 is 1 unless the verdict is green.

        Args:
            status: What it would be.
            why: What has ended the run without a verdict, where that is known.
        """
        if status != pytest.ExitCode.OK or self.green:
            return status
        if self.green is None:
            self._warn(f"{why or 'the run has ended'} before there was a verdict: no test can be said to have run")
        return pytest.ExitCode.TESTS_FAILED

    def exit(self, status: int) -> NoReturn:
        """Stand for `os._exit`, which takes the whole process with it."""
        if not self.is_forked:
            status = self.status(status, "os._exit(0) has ended pytest")
        self._exit(status)

    def _warn(self, text: str) -> None:
        # What is captured would be lost with the process.
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        with suppress(Exception):
            capture.suspend(in_=True)
        with suppress(OSError, ValueError):
            sys.stderr.write(f"\ntest framework: tier {self._tier}: {text}.\n")
            sys.stderr.flush()


def _exit_of(ending: ExitStatusGuard) -> Callable[[int], NoReturn]:
    def _exit(status: int) -> NoReturn:
        """Exit to the system, as `os._exit` does; not with 0 from a run of a tier that is not green."""
        ending.exit(status)

    return _exit


def _is_whole_process() -> bool:
    """Whether this run is all that the process is there for: it is pytest, and no test of another run has called us."""
    program = sys.modules["__main__"]
    spec = getattr(program, "__spec__", None)
    name = spec.name if spec else PurePath(getattr(program, "__file__", None) or "").stem
    if name not in ("pytest.__main__", "pytest", "py"):
        return False
    frame = sys._getframe()  # noqa: SLF001  # Python's own way to look
    while (outer := frame.f_back) and outer.f_code.co_name != "pytest_cmdline_main":
        frame = outer
    return outer is None


KEY = pytest.StashKey[ExitStatusGuard]()
