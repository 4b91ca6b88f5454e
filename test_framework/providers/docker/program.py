"""Asks another program a question: ssh for a name, a credential helper for a login. With a bound on all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from typing import IO, TYPE_CHECKING

from test_framework import owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from test_framework.contracts import CleanupRegistry

_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said, and how it ended: 126 or 127 where it cannot be run, as shells have it."""

    status: int
    out: bytes
    errors: bytes


def ask_program(
    command: Sequence[str],
    env: Mapping[str, str],
    seconds: float,
    question: bytes = b"",
    guard: CleanupRegistry | None = None,
) -> Answer:
    """Run a program to its end; whatever it has started by then ends with it.

    Args:
        command: The program and its arguments.
        env: Its environment.
        seconds: The time for all of it.
        question: What it reads; less than a pipe holds.
        guard: Ends it where this process is killed meanwhile.

    Raises:
        OSError: No process can be started.
        TimeoutError: It did not end in time.
        ValueError: It says more than any answer needs.
    """
    process = subprocess.Popen(  # noqa: S603  # each caller says why
        [*owner.GATE, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=dict(env),
        # Its own session has no terminal to ask on, and can be ended whole.
        start_new_session=True,
    )
    cleanup_key = guard.add(kind="group", mark=owner.mark_of(process.pid)) if guard else ""
    try:
        owner.open_gate(process, question)
        deadline = time.monotonic() + seconds
        out, errors = _read(_opened(process.stdout), _opened(process.stderr), deadline)
        try:
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        return Answer(status, out, errors)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            _opened(pipe).close()
        if guard:
            guard.drop(cleanup_key)


def _read(out: IO[bytes], errors: IO[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Return all that comes of both until both are closed."""
    heard = bytearray(), bytearray()
    with DefaultSelector() as watch:
        for pipe, said in zip((out, errors), heard, strict=True):
            watch.register(pipe, EVENT_READ, said)
        while watch.get_map():
            ready = watch.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, _MOST_BYTES)
                key.data.extend(data)
                if not data:
                    watch.unregister(key.fileobj)
                if len(key.data) > _MOST_BYTES:
                    msg = f"more than {_MOST_BYTES >> 10} KiB"
                    raise ValueError(msg)
    return bytes(heard[0]), bytes(heard[1])


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("it is a pipe")
    return pipe
