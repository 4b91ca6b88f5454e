"""Users of the backend of this run, and backends of a test alone, which it may configure, stop and start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from test_framework import services
from test_framework.contracts import Launch, RunAs
from test_framework.e2e.deployment import Deployment
from test_framework.e2e.waiting import wait_until
from test_framework.plugin.lease import ReasonedSkip
from test_framework.resolution import Endpoint, Refused
from tests.support.users import deployment, event_schema, recorder, socket, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from test_framework.config import Settings

__all__ = ["deployment", "event_schema", "recorder", "socket", "user"]

KEY = "a key that only these tests know, of 32 characters"
_SECONDS = 60


class Program:
    """A backend as a process of this test, with its log."""

    def __init__(self, folder: Path, launch: Launch, settings: Settings) -> None:
        service = services.get("backend", settings)
        binary = service.find_binary("", os.environ)
        command = service.prepare(binary, folder, 0, launch, RunAs())
        kept = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR") if name in os.environ
        }
        self._api = settings.e2e
        self._log = folder / "backend.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command.argv, env=kept | dict(command.env), stdout=log, stderr=log)
        self.deployment = wait_until(self._listening, f"the backend listens; its log is {self._log}", _SECONDS)

    def _listening(self) -> Deployment | None:
        assert self.process.poll() is None, self._log.read_text()
        lines = [line for line in self._log.read_text().splitlines() if '"listening"' in line]
        if not lines:
            return None
        told: dict[str, Any] = json.loads(lines[0])
        return Deployment.of(Endpoint("backend", "embedded", told["url"], None), {}, api=self._api)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, if it has not ended; return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(_SECONDS)


@pytest.fixture
def start(
    postgres_db: Endpoint, redis_db: Endpoint, tmp_path: Path, framework_settings: Settings
) -> Iterator[Callable[..., Program]]:
    """Return what starts a backend with variables of the test; all that it starts share a database and a keyspace."""
    needs = {"postgres": postgres_db.url, "redis": redis_db.url}
    with ExitStack() as started:

        def begin(**variables: str) -> Program:
            folder = tmp_path / f"backend{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            try:
                program = Program(
                    folder, Launch("", needs, {"BACKEND_SECRET_KEY": KEY} | variables), framework_settings
                )
            except Refused as refused:
                raise ReasonedSkip(refused.reason) from refused
            started.callback(program.end, signal.SIGKILL)
            return program

        yield begin
