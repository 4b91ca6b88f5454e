"""How cases are measured: by turns, each run with a bound, and with what went wrong kept beside the figures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.performance.findings import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["CaseFailed", "Samples", "end", "in_turns", "run", "say"]

_TOLD_LINES = 12
_END_SECONDS = 10.0
_BEGIN = time.monotonic()

Samples = dict[str, list[float]]


class CaseFailed(Exception):
    """A run did not end well, or not in time; the text has the end of what it printed."""


def say(text: str) -> None:
    """Tell a person who waits how far it is."""
    print(f"[{time.monotonic() - _BEGIN:6.0f} s] {text}", file=sys.stderr, flush=True)


def in_turns(cases: Mapping[str, Callable[[int], float]], rounds: int) -> tuple[Samples, list[Absent]]:
    """Measure each case once a round, forwards and backwards by turns, so that a drift of the machine hits all alike.

    Args:
        cases: By name; each is given the number of its round and returns its sample.
        rounds: How many count. One more comes first, with the number 0: it writes byte code and warms the system.

    Returns:
        The samples of the cases that went well each time, one of each round, and the others with what went wrong.
    """
    samples: Samples = {name: [] for name in cases}
    failed: dict[str, Absent] = {}
    for number in range(rounds + 1):
        order = list(cases)
        for name in order if number % 2 else reversed(order):
            if name in failed:
                continue
            say(f"round {number} of {rounds}: {name}")
            try:
                sample = cases[name](number)
            except CaseFailed as error:
                say(f"{name} failed: {error}")
                failed[name] = Absent(name, str(error), failed=True)
                continue
            if number:
                samples[name].append(sample)
    return {name: found for name, found in samples.items() if name not in failed}, list(failed.values())


def run(
    command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], seconds: float, *, may_fail: bool = False
) -> tuple[float, str]:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        cwd: Its folder.
        env: Its environment.
        seconds: The bound.
        may_fail: Whether its exit status is of no matter.

    Returns:
        The seconds that it took, and what it printed.

    Raises:
        CaseFailed: It failed, or took longer.
    """
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end(process)
            raise CaseFailed(f"not done within {seconds:g} s") from None
        except BaseException:
            end(process)
            raise
        took = time.monotonic() - begin
    if process.returncode and not may_fail:
        told = "\n".join(output.rstrip().splitlines()[-_TOLD_LINES:])
        raise CaseFailed(f"exit status {process.returncode}:\n{told}")
    return took, output


def end(process: subprocess.Popen[str]) -> None:
    """End a process that leads a session, and all that it has started in it."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
