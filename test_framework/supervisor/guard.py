"""A small process that outlives its owner by a moment, to remove what a killed owner left.

The owner writes a line for each cleanup entry, and another one when the entry is dropped. When the pipe ends, the
owner is gone, however it ended. This is what testcontainers' reaper does, without a privileged container
and for processes and folders too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from test_framework import cleanup, owner, private
from test_framework.inherited import inherited

_TERM_SECONDS = 1.0
_LATE_SECONDS = 1.0
_LOCK_SECONDS = 10.0
"""A child that the owner was about to start holds its lock until it has become a server."""

_ENGINE_SECONDS = 5
_ENGINE_VARIABLES = ("DOCKER_*", "SSH_*", "TESTCONTAINERS_*", "*_PROXY", "*_proxy")
"""What leads to an engine whose containers are to be removed."""

_CLEANUP_ORDER = ("process", "group", "container", "folder", "socket")
"""A folder goes after its server: one that still runs would write into it."""


class Guard:
    """The owner's side: registers cleanup entries with the guard process. See `contracts.CleanupRegistry`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._entries: dict[str, dict[str, Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder_lock = threading.Lock()
        self._folders: dict[str, Path] = {}

    def add(self, **what: Any) -> str:
        """Register a cleanup entry; return its key for `drop`. An entry that is there already is not added again."""
        with self._lock:
            for key, known in self._entries.items():
                if known == what:
                    return key
            key = str(next(self._numbers))
            self._entries[key] = what
            self._send({"key": key, **what})
            return key

    def drop(self, key: str) -> None:
        """Drop an entry, since the thing is gone."""
        with self._lock:
            if self._entries.pop(key, None) is not None:
                self._send({"drop": key})

    def make_folder(self, what: str, base: Path) -> tuple[Path, str]:
        """Make a folder that only this user may enter, in `base`, under a name that says who makes it and `what` for.

        Return it and the key of its cleanup entry, which is registered first: the owner may be killed in between.

        Raises:
            OSError: It cannot be made.
        """
        folder = base / private.marked(what)
        key = self.add(kind="folder", path=str(folder))
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            self.drop(key)
            raise
        return folder, key

    def process_folder(self, what: str) -> Path:
        """Return the temporary folder of this process for `what`, which is made at the first call and goes with it.

        Raises:
            OSError: It cannot be made.
        """
        with self._folder_lock:
            if what not in self._folders:
                self._folders[what], _ = self.make_folder(what, Path(tempfile.gettempdir()))
            return self._folders[what]

    def close(self) -> None:
        """End the guard process, which then runs the entries that were not dropped."""
        with self._lock:
            process, self._process = self._process, None
        if process and process.stdin:
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(_TERM_SECONDS)
            except subprocess.TimeoutExpired:
                # It still removes things, or the machine is busy. Python warns of a process that nobody waits for.
                threading.Thread(target=process.wait, daemon=True, name="wait for the guard").start()

    def _send(self, line: dict[str, Any]) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
            for key, what in self._entries.items():
                self._write({"key": key, **what})
        else:
            self._write(line)

    def _start(self) -> None:
        # Without `site` it starts at once; it finds this package, and for containers the SDK, by our own path.
        self._process = subprocess.Popen(  # ourselves
            [sys.executable, "-S", "-P", "-c", "from test_framework.supervisor.guard import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**inherited(os.environ, *_ENGINE_VARIABLES), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    def _write(self, line: dict[str, Any]) -> None:
        if self._process and self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(line).encode() + b"\n")
                self._process.stdin.flush()


def main() -> None:
    """Read cleanup entries until the owner ends, then run those that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    entries: dict[str, dict[str, Any]] = {}
    for raw in sys.stdin.buffer:
        if not raw.endswith(b"\n"):
            # The owner was killed while it wrote.
            break
        line = json.loads(raw)
        if "drop" in line:
            entries.pop(line["drop"], None)
        else:
            entries[line["key"]] = line
    for kind in _CLEANUP_ORDER:
        _run_cleanups(kind, entries)
    if any(entry["kind"] == "container" for entry in entries.values()):
        # The engine may still have been at a request that the owner sent before its end.
        time.sleep(_LATE_SECONDS)
        _run_cleanups("container", entries)


def _run_cleanups(kind: str, entries: dict[str, dict[str, Any]]) -> None:
    for entry in entries.values():
        if entry["kind"] == kind:
            # One that fails must not keep the others from running.
            with suppress(Exception):
                _CLEANUPS[kind](entry)


def _end_process(entry: dict[str, Any]) -> None:
    """End a server by its own signal, by force when it does not go."""
    mark = entry["mark"]
    pid = int(mark.partition("_")[0])
    if not owner.alive(mark):
        return
    os.kill(pid, entry["signal"])
    deadline = time.monotonic() + _TERM_SECONDS
    while owner.alive(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    if owner.alive(mark):
        os.killpg(pid, signal.SIGKILL)


def _remove_container(entry: dict[str, Any]) -> None:
    # Imported only when it is needed: the SDK takes longer to import than the guard may take to start.
    from test_framework.providers.docker.client import open_client

    client = open_client(entry["environment"], entry["version"], os.environ, _ENGINE_SECONDS)
    for container in client.containers.list(all=True, filters={"label": entry["label"]}, ignore_removed=True):
        container.remove(force=True, v=True)


def _remove_folder(entry: dict[str, Any]) -> None:
    """Remove a folder, with the processes of a server that its owner had no time to enter."""
    cleanup.kill_and_remove(Path(entry["path"]))


def _remove_socket(entry: dict[str, Any]) -> None:
    """Remove the socket and the passwords beside it, unless the next supervisor holds the lock."""
    with Path(entry["lock"]).open("r+") as lock:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not private.try_lock(lock):
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        Path(entry["path"]).unlink(missing_ok=True)
        private.remove(Path(entry["passwords"]))


def _end_group(entry: dict[str, Any]) -> None:
    """End a helper program, such as a credential helper, with what it has started."""
    mark = entry["mark"]
    if owner.alive(mark):
        os.killpg(int(mark.partition("_")[0]), signal.SIGKILL)


_CLEANUPS = {
    "process": _end_process,
    "group": _end_group,
    "container": _remove_container,
    "folder": _remove_folder,
    "socket": _remove_socket,
}
