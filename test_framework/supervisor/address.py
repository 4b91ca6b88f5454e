"""Where the supervisor of a project and its settings is found: a folder that only its user can open."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import __version__
from test_framework.config import BadSetting, OwnServiceSettings, Settings
from test_framework.services._references import file_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Address", "base"]

_RELEVANT = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "SSH_AUTH_SOCK")
_RELEVANT_PREFIXES = ("BACKEND_", "DOCKER_", "STAGING_", "TESTCONTAINERS_")
_PRIVATE = 0o700
_SOCKET_LIMIT = 100
"""A Unix socket's path has 108 bytes on Linux and 104 on macOS."""


@dataclass(frozen=True, slots=True)
class Address:
    """The folder of one supervisor, with its socket, its lock and its log."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings, env: Mapping[str, str]) -> Address:
        """Return the address for a project, its settings, and what in the environment changes what would be started.

        Two runs share servers when all of that is the same. Secrets go into a hash only.
        """
        told = {k: v for k, v in env.items() if k in _RELEVANT or k.startswith(_RELEVANT_PREFIXES)}
        for table in settings.services.values():
            told |= {name: env.get(name, "") for name in table.url_env}
        told |= _classes(settings)
        parts = (settings.root, sorted(settings.services.items()), sorted(told.items()), sys.executable, _code())
        key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        return cls(base(env) / key)

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self.folder / "socket"

    @property
    def lock(self) -> Path:
        """The file that it holds locked for as long as it lives."""
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        """What it did, and why."""
        return self.folder / "supervisor.log"

    def make(self) -> None:
        """Create the folder, private.

        Raises:
            BadSetting: It belongs to somebody else, or cannot be made.
        """
        for folder in (self.folder.parent, self.folder):
            try:
                folder.mkdir(mode=_PRIVATE, exist_ok=True)
                found = folder.lstat()
            except OSError as error:
                raise BadSetting(f"the supervisor's folder {folder} cannot be used: {error.strerror}.") from error
            remedy = "Remove it, or set XDG_RUNTIME_DIR, else TMPDIR, to a folder of yours."
            if not stat.S_ISDIR(found.st_mode):
                raise BadSetting(f"the supervisor's folder {folder} is a link. {remedy}")
            if found.st_uid != os.getuid():
                raise BadSetting(f"the supervisor's folder {folder} belongs to another user. {remedy}")
            if stat.S_IMODE(found.st_mode) != _PRIVATE:
                folder.chmod(_PRIVATE)


def base(env: Mapping[str, str]) -> Path:
    """Return the folder in which all supervisors of this user have theirs."""
    runtime = Path(env.get("XDG_RUNTIME_DIR") or "/nonexistent")
    for parent in (runtime, Path(tempfile.gettempdir())):
        folder = parent / f"test-framework-{os.getuid()}"
        if os.access(parent, os.W_OK) and len(str(folder)) + len("/0123456789abcdef/socket") < _SOCKET_LIMIT:
            return folder
    return Path(f"/tmp/test-framework-{os.getuid()}")  # noqa: S108  # checked in `make` to be ours alone


def _classes(settings: Settings) -> dict[str, str]:
    """Return the text of each file of the project that has a class for a service: a supervisor imports it once."""
    own = [table for table in settings.services.values() if isinstance(table, OwnServiceSettings)]
    found = {file_of(name, settings.root) for table in own for name in (table.factory, table.container) if name}
    return {str(path): path.read_text(encoding="utf-8", errors="replace") for path in found if path}


def _code() -> str:
    """Identify this installation, so that a supervisor does not outlive an upgrade of the code that it runs."""
    package = Path(__file__).parent.parent
    files = (path for name in ("supervisor", "providers", "services") for path in (package / name).rglob("*.py"))
    newest = max(path.stat().st_mtime_ns for path in files)
    return f"{__version__} {package} {newest}"
