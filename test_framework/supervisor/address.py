"""Where the supervisor of a project and its settings is: in a folder that only its user can open."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import __version__, inputs, owner, private
from test_framework.config import BadSetting, CustomServiceSettings, Settings
from test_framework.inherited import matching
from test_framework.references import project_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELEVANT = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "SSH_AUTH_SOCK")
_RELEVANT_PREFIXES = ("DOCKER_", "STAGING_", "TC_", "TESTCONTAINERS_")
_SOCKET_LIMIT = 100
"""A Unix socket's path has 108 bytes on Linux and 104 on macOS."""


@dataclass(frozen=True, slots=True)
class SupervisorAddress:
    """The folder of one supervisor, with its socket, its lock and its log."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings, env: Mapping[str, str]) -> SupervisorAddress:
        """Return the address for a project, its settings, and what in the environment changes what would be started.

        Two runs share servers when all of that is the same. Secrets go into a hash only.
        """
        told = {k: v for k, v in env.items() if k in _RELEVANT or k.startswith(_RELEVANT_PREFIXES)}
        for table in settings.services.values():
            told |= {name: env.get(name, "") for name in table.url_env}
            if isinstance(table, CustomServiceSettings):
                told |= matching(env, (*table.inherit, *table.container_inherit))
        told |= _classes(settings)
        # Not by their repr, in which secrets are hidden.
        tables = sorted((name, asdict(table)) for name, table in settings.services.items())
        parts = (settings.root, tables, sorted(told.items()), sys.executable, _code())
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

    def holder(self) -> tuple[str, str]:
        """Return the mark of the process that holds the lock, and the root of its project, each empty if not known."""
        try:
            if self.lock.lstat().st_uid != os.getuid():
                return "", ""
            mark, _, root = inputs.read_text(self.lock, "replace").partition("\n")
        except OSError:
            return "", ""
        return (mark, root.rstrip("\n")) if owner.alive(mark) else ("", "")

    @property
    def log(self) -> Path:
        """Its log."""
        return self.folder / "supervisor.log"

    @property
    def passwords(self) -> Path:
        """Where the passwords of its servers are."""
        return self.folder / "passwords"

    def make(self) -> None:
        """Make the folder, which only this user can enter.

        Raises:
            BadSetting: It belongs to somebody else, or cannot be made.
        """
        for folder in (self.folder.parent, self.folder):
            try:
                private.ensure(folder)
            except private.NotOurs as error:
                remedy = "Remove it, or set XDG_RUNTIME_DIR, else TMPDIR, to a folder of yours."
                raise BadSetting(f"the supervisor's folder {folder} {error.strerror}. {remedy}") from error
            except OSError as error:
                raise BadSetting(f"the supervisor's folder {folder} cannot be used: {error.strerror}.") from error

    def tidy(self) -> None:
        """Remove what a killed supervisor has left here; only for the process that holds the lock."""
        self.socket.unlink(missing_ok=True)
        private.remove(self.passwords)

    def tidy_if_dead(self) -> None:
        """Tidy, unless a supervisor holds the lock."""
        with suppress(OSError), self.lock.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.tidy()


def addresses(folder: Path) -> list[SupervisorAddress]:
    """Return the addresses in a folder; none when the folder is not ours."""
    try:
        with private.opened(folder):
            return [SupervisorAddress(path) for path in sorted(folder.iterdir())]
    except OSError:
        return []


def base(env: Mapping[str, str]) -> Path:
    """Return the folder in which all supervisors of this user have theirs."""
    for parent in filter(None, (env.get("XDG_RUNTIME_DIR"), tempfile.gettempdir())):
        folder = Path(parent, f"test-framework-{os.getuid()}")
        if os.access(parent, os.W_OK) and len(str(folder)) + len("/0123456789abcdef/socket") < _SOCKET_LIMIT:
            return folder
    return Path(f"/tmp/test-framework-{os.getuid()}")  # noqa: S108  # checked in `make` to be ours alone


def _classes(settings: Settings) -> dict[str, str]:
    """Return the text of each file with a class of a custom service, which a supervisor imports only once."""
    custom = [table for table in settings.services.values() if isinstance(table, CustomServiceSettings)]
    found = {project_file(name, settings.root) for table in custom for name in (table.factory, table.container) if name}
    return {str(path): path.read_text(encoding="utf-8", errors="replace") for path in found if path}


def _code() -> str:
    """Identify this installation, so that a supervisor does not outlive an upgrade of the code that it runs."""
    package = Path(__file__).parent.parent
    folders = ("contracts", "providers", "reach", "services", "supervisor")
    files = (*package.glob("*.py"), *(path for name in folders for path in (package / name).rglob("*.py")))
    newest = max(path.stat().st_mtime_ns for path in files)
    return f"{__version__} {package} {newest}"
