"""What is wrong with a socket in the file system, told apart in time."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.resolution import Code, Reason
from tests.support.engines import PROJECT, Net, Talk, at, refused_at_once

if TYPE_CHECKING:
    from collections.abc import Callable


class TestSocketPath:
    """What the path of a socket can be instead of a healthy engine."""

    def test_missing_socket(self, net: Net, home: Path) -> None:
        """A path with nothing there is named, with where it came from."""
        path = net.path()

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.SOCKET_MISSING
        assert f"unix://{path} (from DOCKER_HOST)" in reason.message

    def test_link_to_a_socket_that_is_gone(self, net: Net, home: Path) -> None:
        """A dangling link is told with its target, as Docker Desktop leaves one."""
        path, target = net.path(), net.path()
        path.symlink_to(target)

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.SOCKET_MISSING
        assert str(target) in reason.message

    @pytest.mark.parametrize(("make", "kind"), [(Path.mkdir, "a folder"), (Path.touch, "a file")])
    def test_path_is_no_socket(self, make: Callable[[Path], None], kind: str, net: Net, home: Path) -> None:
        """A folder, which Docker itself makes for a mount, or a file, is not a socket."""
        path = net.path()
        make(path)

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.SOCKET_MISSING
        assert kind in reason.message

    def test_parent_is_no_folder(self, net: Net, home: Path) -> None:
        """A path below a file has no socket."""
        path = net.path()
        path.touch()

        assert refused_at_once(at(path / "docker.sock"), home).code is Code.SOCKET_MISSING

    def test_link_in_a_circle(self, net: Net, home: Path) -> None:
        """A link to itself has no socket."""
        path = net.path()
        path.symlink_to(path)

        assert refused_at_once(at(path), home).code is Code.SOCKET_MISSING

    def test_name_that_no_file_system_takes(self, home: Path) -> None:
        """A name of 300 characters has no socket."""
        assert refused_at_once(at(Path("/", "x" * 300)), home).code is Code.SOCKET_MISSING

    def test_stale_socket(self, net: Net, home: Path) -> None:
        """A socket that nobody listens on any more means that the daemon is not running."""
        path = net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))

        reason = refused_at_once(at(path), home)

        assert reason.code is Code.DAEMON_NOT_RUNNING
        assert str(path) in reason.message
        assert "stale" in reason.message

    def test_path_too_long_for_a_socket(self, net: Net, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A socket that exists under a path longer than a socket's may be is told by its length."""
        folder = net.folder / ("x" * 120)
        folder.mkdir()
        monkeypatch.chdir(folder)
        net.unix(Talk(), Path("d.sock"))

        reason = refused_at_once(at(folder / "d.sock"), home)

        assert reason.code is Code.BAD_DOCKER_HOST
        assert f"{len(str(folder)) + 7} bytes" in reason.message

    def test_socket_of_another_kind(self, net: Net, home: Path) -> None:
        """A datagram socket, such as a log's, is not Docker."""
        path = net.path()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(str(path))

            assert refused_at_once(at(path), home).code is Code.NOT_DOCKER


UNPRIVILEGED = """
import grp, json, os, pwd, sys  # all here: the interpreter may lie where nobody else may read
from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.probe import try_each
from test_framework.resolution import Refused
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(pwd.getpwuid(os.geteuid()).pw_name)
try:
    print(try_each([Candidate("a test", host, None) for host in sys.argv[1:]], {}).candidate.host)
except Refused as refused:
    print(json.dumps(refused.reason.to_json()))
"""


def as_ordinary_user(*paths: Path) -> tuple[str, str]:
    """Run the probe as a user who is not root; return his name, and the address found or the reason in JSON."""
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, *(f"unix://{path}" for path in paths)],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    user, outcome = done.stdout.splitlines()
    return user, outcome


class TestPermission:
    """Sockets that the user may not open."""

    def test_socket_of_somebody_else(self, net: Net) -> None:
        """A socket without permission names the user, the socket and its group, in the remedy too."""
        net.folder.chmod(0o755)
        path = net.unix(Talk())
        path.chmod(0)

        user, outcome = as_ordinary_user(path)

        reason = Reason.from_json(json.loads(outcome))
        assert reason.code is Code.PERMISSION_DENIED
        assert f"user {user} has no permission to open unix://{path}" in reason.message
        assert f"the group {path.group()}, mode 0" in reason.message
        assert f"usermod -aG docker {user}" in reason.remedy

    def test_folder_of_somebody_else(self, net: Net) -> None:
        """A socket in a folder that may not be entered is denied, not missing."""
        folder = net.folder / "closed"
        folder.mkdir()
        path = net.unix(Talk(), folder / "d.sock")
        net.folder.chmod(0o755)
        folder.chmod(0)
        try:
            _, outcome = as_ordinary_user(path)
        finally:
            folder.chmod(0o700)

        assert Reason.from_json(json.loads(outcome)).code is Code.PERMISSION_DENIED

    def test_other_engine_is_used_where_the_preferred_is_denied(self, net: Net) -> None:
        """A rootless engine is found although the system's one is there and may not be opened."""
        net.folder.chmod(0o755)
        denied, rootless = net.unix(Talk()), net.unix(Talk())
        denied.chmod(0)
        rootless.chmod(0o777)

        _, outcome = as_ordinary_user(denied, rootless)

        assert outcome == f"unix://{rootless}"
