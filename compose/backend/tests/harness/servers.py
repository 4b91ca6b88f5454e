"""The backend itself: in a thread of the test, which takes a moment, or as the program that it is."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from harness.clients import Api
from reference_backend.app import create
from reference_backend.config import Settings
from reference_backend.server import configured

__all__ = ["KEY", "Program", "Spawn", "Start", "Threaded", "threaded", "wait_until"]

KEY = "a key that only the tests know, 32 characters"

_START_SECONDS = 60.0
_END_SECONDS = 60.0


def wait_until(true: Callable[[], object], description: str, seconds: float = 30.0) -> None:
    """Wait for it, and say what did not come true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s: {description}"
        time.sleep(0.02)


class Threaded(Api):
    """The application, served by uvicorn as the program does it, in a thread."""

    def __init__(self, settings: Settings) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        super().__init__(f"http://127.0.0.1:{listening.getsockname()[1]}")
        self.app = create(settings)
        self._server = uvicorn.Server(configured(settings, self.app))
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()
        wait_until(
            lambda: self._server.started or not self._thread.is_alive(), "the server has started", _START_SECONDS
        )
        assert self._thread.is_alive(), "the server did not start"

    def begin_to_stop(self) -> None:
        """Tell it to end, as SIGTERM does."""
        self.http.close()
        self._server.should_exit = True

    def stop(self) -> None:
        """End it."""
        self.begin_to_stop()
        self._thread.join(_END_SECONDS)
        assert not self._thread.is_alive(), "the server does not end"


def threaded(environment: dict[str, str], settings: dict[str, Any]) -> Threaded:
    """Start a backend in a thread, configured by variables and by settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("BACKEND_", "CLICKHOUSE_"))]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return Threaded(Settings(**settings))


class Program(Api):
    """`python -m reference_backend serve`, with its log."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "reference_backend", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.log: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_until(
                lambda: self.logged("listening") or self.process.poll() is not None, "it listens", _START_SECONDS
            )
            assert self.process.poll() is None, self.log
        except AssertionError:
            self.stop()
            raise
        super().__init__(self.logged("listening")[0]["url"])

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(json.loads(line))

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log for an event."""
        return [line for line in list(self.log) if line["event"] == event]

    def memory(self) -> float:
        """Return its resident memory in MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024

    def end(self, signal: int) -> tuple[int, float]:
        """Send a signal; return the exit status and the seconds it took."""
        begin = time.monotonic()
        self.process.send_signal(signal)
        status = self.process.wait(_END_SECONDS)
        self._reader.join(_END_SECONDS)
        return status, time.monotonic() - begin

    def stop(self) -> None:
        """End it, if it has not ended."""
        self.http.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait(_END_SECONDS)
        self._reader.join(_END_SECONDS)
        if self.process.stdout:
            self.process.stdout.close()


Start = Callable[..., Threaded]
Spawn = Callable[..., Program]
