"""A place of their own for throw-away projects, and everything on this machine that belongs to it.

Whatever a run starts inherits the place's TMPDIR, works in a folder below it, or carries the mark of a process that
does: so what a run has left can be told from what anybody else does on the machine at the same time.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
from docker.errors import DockerException

from test_framework import services
from test_framework.providers.docker.client import connect
from test_framework.providers.docker.probe import probe
from tests.conftest import wait_until
from tests.support.environment import CI
from tests.support.files import files_below
from tests.support.segments import SegmentWatch

if TYPE_CHECKING:
    import subprocess

__all__ = ["Place"]

_MEMORY = Path("/dev/shm")  # noqa: S108  # where embedded servers have their data
_LEFT_SECONDS = 20.0
_OURS = ("BACKEND_", "TEST_FRAMEWORK_", "STAGING_", "GITHUB_", "PYTEST_", "COV_")
_OURS_TOO = (*CI, "DATABASE_URL", "JOB_COMPLETION_INDEX", "PYTHONDONTWRITEBYTECODE")


class Place:
    """Two folders for the runs of one user, with paths short enough for sockets, and one for each project."""

    def __init__(self, docker_env: dict[str, str] | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))  # TMPDIR may be too long
        self.path.chmod(0o755)
        self.temporary = self.path / "tmp"
        self.runtime = self.path / "run"
        for folder in (self.temporary, self.runtime):
            folder.mkdir()
        self.docker_env = docker_env
        env = os.environ | (docker_env or {})
        self.client = connect(probe(env, seconds=5), env, 5) if docker_env else None
        self.started: list[subprocess.Popen[bytes]] = []
        """The runs: without a supervisor they own the servers themselves."""
        self._volumes: set[str] = set()
        self._segments = SegmentWatch(lambda process: self._holds(process, self._data()))

    def __enter__(self) -> Self:
        """Return the place itself."""
        self._segments.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """End and remove what a test that failed has left."""
        self._segments.__exit__()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for run in self.started:
            run.kill()
            run.wait()
        if self.client is not None:
            with suppress(DockerException, OSError):
                for identity in self.containers():
                    self.client.api.remove_container(identity, force=True, v=True)
                for name in self.volumes():
                    self.client.api.remove_volume(name)
            self.client.close()
        for folder in (*self.folders(), self.path):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment of what runs here: nothing configured but the images, and servers that end at once."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS) and k not in _OURS_TOO}
        # Of the services that every project has; any other one needs a table in its settings.
        images = [f"TEST_FRAMEWORK_{name.upper()}_IMAGE" for name in services.names()]
        kept |= {name: os.environ[name] for name in images if name in os.environ}
        return kept | {
            **(self.docker_env or {}),
            # No plugin but ours and those that a test names.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "TMPDIR": str(self.temporary),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TEST_FRAMEWORK_IDLE_SECONDS": "0",
        }

    def log(self) -> str:
        """Return what all supervisors here have written."""
        return "".join(p.read_text(errors="replace") for p in sorted(self.runtime.glob("*/*/supervisor.log")))

    def supervisors(self) -> list[int]:
        """Return the process ids of all supervisors that there have ever been, the oldest first."""
        return [int(pid) for pid in re.findall(r"supervisor (\d+) listens", self.log())]

    def processes(self, what: str = "") -> list[psutil.Process]:
        """Return what runs here, the processes of servers included; `what` is part of the command line."""
        data = self._data()
        return [p for p in psutil.process_iter() if self._holds(p, data) and what in _command(p)]

    def _holds(self, process: psutil.Process, data: re.Pattern[str]) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            with suppress(psutil.AccessDenied):
                if process.environ().get("TMPDIR") == str(self.temporary):
                    return True
            texts = [*process.cmdline(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return any(str(self.path) in text or data.search(text) for text in texts)

    def _data(self) -> re.Pattern[str]:
        """Return what the paths of data folders in memory begin with, when the owner is one of ours."""
        owners = "|".join(map(str, {*self.supervisors(), *(run.pid for run in self.started)}))
        return re.compile(rf"{_MEMORY}/test-framework-\d+-(?:{owners})_")

    def folders(self) -> list[Path]:
        """Return what is in the temporary folder, and the data folders in memory."""
        # Neither pytest's own folder nor a copy of server programs, which the next run uses, is a trace.
        found = [
            p
            for p in self.temporary.iterdir()
            if not p.name.startswith("pytest-of-") and not p.name.endswith("-programs")
        ]
        data = self._data()
        return found + [p for p in _MEMORY.glob("test-framework-*") if data.match(str(p))]

    def sockets(self) -> list[Path]:
        """Return the sockets."""
        return [path for path in files_below(self.path) if path.is_socket()]

    def containers(self) -> list[str]:
        """Return the ids of the containers, running or not, that were started for a project here."""
        if self.client is None:
            return []
        found = self.client.api.containers(all=True, filters={"label": "test-framework.owner"})
        ours = [c for c in found if c["Labels"].get("test-framework.project", "").startswith(str(self.path))]
        # A volume has no label to tell whose it is.
        self._volumes |= {mount["Name"] for c in ours for mount in c["Mounts"] if mount["Type"] == "volume"}
        return [c["Id"][:12] for c in ours]

    def volumes(self) -> list[str]:
        """Return the volumes of containers that were seen here."""
        if self.client is None or not self._volumes:
            return []
        return [v["Name"] for v in self.client.api.volumes()["Volumes"] or () if v["Name"] in self._volumes]

    def servers(self) -> list[str]:
        """Return the process ids and the container ids of all servers that run here."""
        programs = ("postgres", "redis-server", "valkey-server")
        running = {}
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                if process.name().startswith(programs):
                    running[process.pid] = process.ppid()
        # A server's own children are part of it.
        return sorted([str(pid) for pid, parent in running.items() if parent not in running] + self.containers())

    def left(self, *, containers: bool = True) -> list[str]:
        """Return everything that there is, in words."""
        found = [f"process {p.pid}: {_command(p)}" for p in self.processes()]
        if containers:
            found += [f"container {identity}" for identity in self.containers()]
            found += [f"volume {name}" for name in self.volumes()]
        found += [f"folder {path}" for path in self.folders()]
        found += [f"socket {path}" for path in self.sockets()]
        return found + self._segments.left()

    def is_empty(self, *, containers: bool = True) -> None:
        """Assert that nothing is left in the end; without `containers`, the engine is not asked."""
        left: list[str] = ["not looked yet"]

        def nothing() -> bool:
            left[:] = self.left(containers=containers)
            return not left

        try:
            wait_until(nothing, "nothing is left", _LEFT_SECONDS)
        except AssertionError:
            raise AssertionError("\n".join([*left, "", "The supervisors' log:", self.log()])) from None


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
