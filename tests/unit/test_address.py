"""The supervisor's address: who shares servers with whom, and a folder that is nobody else's."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import test_framework
from test_framework.config import BadSetting, Settings, load
from test_framework.supervisor.address import SupervisorAddress, addresses, base

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV = {"PATH": "/usr/bin", "HOME": "/home/me"}


def settings(root: Path, toml: str = "", env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a project."""
    (root / "pyproject.toml").write_text(f"[tool.test_framework]\n{toml}")
    return load(root, env or {})


def test_the_same_project_has_the_same_address(tmp_path: Path) -> None:
    """Two runs with the same settings and environment share one supervisor."""
    assert SupervisorAddress.of(settings(tmp_path), ENV) == SupervisorAddress.of(settings(tmp_path), dict(ENV))


@pytest.mark.parametrize(
    "change",
    [
        {"PATH": "/opt/bin"},
        {"HOME": "/home/you"},
        {"DOCKER_HOST": "tcp://h:2375"},
        {"DOCKER_CONTEXT": "other"},
        {"STAGING_POSTGRES_URL": "postgresql://h"},
        {"SSH_AUTH_SOCK": "/run/agent"},
        {"DATABASE_URL": "postgresql://h"},
    ],
)
def test_what_changes_the_servers_changes_the_address(tmp_path: Path, change: dict[str, str]) -> None:
    """Whoever would get other servers does not share, and whatever is elsewhere in the environment does not matter."""
    ours = settings(tmp_path, "services.postgres.url_env = ['DATABASE_URL']")
    assert SupervisorAddress.of(ours, ENV) != SupervisorAddress.of(ours, {**ENV, **change})
    assert SupervisorAddress.of(ours, ENV) == SupervisorAddress.of(
        ours, {**ENV, "TERM": "dumb", "PYTEST_CURRENT_TEST": "x"}
    )


@pytest.mark.parametrize(
    ("toml", "shared"),
    [
        ("services.postgres.image = 'postgres:16'", False),
        ("services.redis.url = 'redis://h'", False),
        ("reports = 'elsewhere'", True),
        ("gate = 'strict'", True),
        ("providers = ['embedded']", True),
    ],
)
def test_only_settings_of_services_change_the_address(tmp_path: Path, toml: str, *, shared: bool) -> None:
    """How a run is judged, or in which order it tries, changes no server."""
    plain = SupervisorAddress.of(settings(tmp_path), ENV)
    assert (SupervisorAddress.of(settings(tmp_path, toml), ENV) == plain) is shared


def test_two_projects_do_not_share(tmp_path: Path) -> None:
    """The same settings in another folder are another project."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert SupervisorAddress.of(settings(tmp_path / "a"), ENV) != SupervisorAddress.of(settings(tmp_path / "b"), ENV)


def test_the_address_tells_no_secret(tmp_path: Path) -> None:
    """Passwords go into a hash only."""
    env = {**ENV, "STAGING_POSTGRES_URL": "postgresql://app:hunter2@h"}
    assert "hunter2" not in str(
        SupervisorAddress.of(settings(tmp_path, "services.redis.url = 'redis://:hunter2@h'"), env)
    )


def address_in(package: Path, root: Path) -> str:
    """Return the address that a copy of the package gives."""
    code = "import sys; from pathlib import Path; from test_framework.config import load\n"
    code += "from test_framework.supervisor.address import SupervisorAddress\n"
    code += "print(SupervisorAddress.of(load(Path(sys.argv[1]), {}), {}))"
    program = [sys.executable, "-B", "-S", "-c", code, str(root)]
    # The working directory comes first on the path of `-c`.
    done = subprocess.run(program, cwd=package.parent, capture_output=True, text=True, check=True)
    return done.stdout


def test_new_code_has_a_new_address(tmp_path: Path) -> None:
    """A supervisor does not outlive an upgrade of the code that it runs; byte code that is written is no upgrade."""
    package = tmp_path / "test_framework"
    shutil.copytree(test_framework.__path__[0], package, ignore=shutil.ignore_patterns("__pycache__"))
    before = address_in(package, tmp_path)
    for folder in ("supervisor", "providers", "services"):
        (package / folder / "__pycache__").mkdir()
        (package / folder / "__pycache__" / "x.pyc").touch()
    assert address_in(package, tmp_path) == before
    with (package / "providers" / "docker" / "__init__.py").open("a") as file:
        file.write("\n")
    assert address_in(package, tmp_path) != before


def test_the_runtime_folder_comes_first(tmp_path: Path) -> None:
    """It is private and in memory; without it the temporary folder."""
    with tempfile.TemporaryDirectory() as short:
        assert base({"XDG_RUNTIME_DIR": short}) == Path(short) / f"test-framework-{os.getuid()}"
    for unusable in ({}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": str(tmp_path / "missing")}):
        assert base(unusable).name == f"test-framework-{os.getuid()}"
        assert base(unusable).parent.is_dir()


def test_a_long_path_is_not_used(tmp_path: Path) -> None:
    """The system takes no socket whose path is longer than about a hundred bytes."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    address = SupervisorAddress.of(settings(tmp_path), {"XDG_RUNTIME_DIR": str(deep)})
    assert len(str(address.socket)) <= 104


def test_the_folder_is_private(tmp_path: Path) -> None:
    """Only its user may enter it, also when it was made with other rights."""
    address = SupervisorAddress(tmp_path / "base" / "key")
    address.make()
    (tmp_path / "base").chmod(0o755)
    address.folder.chmod(0o777)
    address.make()
    for folder in (address.folder, tmp_path / "base"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["base", "base/key"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    """A file in its place, or a link that somebody has put there, is not used; the one line names it."""
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    (tmp_path / "other").mkdir()
    if kind == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "other")
    with pytest.raises(BadSetting) as caught:
        SupervisorAddress(tmp_path / "base" / "key").make()
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Somebody who makes it first in a shared temporary folder does not get our socket."""
    foreign = Path("/")
    if os.getuid() == 0:
        foreign = tmp_path / "base"
        foreign.mkdir()
        os.chown(foreign, 65534, 65534)
    with pytest.raises(BadSetting, match=r"belongs to another user.*TMPDIR"):
        SupervisorAddress(foreign / "key").make()


def left_by(folder: Path) -> SupervisorAddress:
    """Make what a killed supervisor has left."""
    address = SupervisorAddress(folder)
    address.make()
    address.passwords.mkdir(mode=0o700)
    (address.passwords / "redis-1").write_text("s3cret")
    for path in (address.socket, address.lock, address.log):
        path.touch()
    return address


def test_what_a_killed_supervisor_has_left_is_removed(tmp_path: Path) -> None:
    """Its passwords go with its socket; the log stays, for a person to read."""
    address = left_by(tmp_path / "base/key")
    address.tidy_if_dead()
    assert {path.name for path in address.folder.iterdir()} == {"lock", "supervisor.log"}


def test_what_a_living_supervisor_has_stays(tmp_path: Path) -> None:
    """It holds the lock."""
    address = left_by(tmp_path / "base/key")
    with address.lock.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address.tidy_if_dead()
    assert (address.passwords / "redis-1").exists()
    assert address.socket.exists()


def test_nobody_is_asked_in_another_users_folder(tmp_path: Path) -> None:
    """Whoever has made it would answer for a supervisor of ours."""
    address = left_by(tmp_path / "base/key")
    assert addresses(tmp_path / "base") == [address]
    assert addresses(tmp_path / "gone") == []
    (tmp_path / "link").symlink_to(tmp_path / "base")
    assert addresses(tmp_path / "link") == []
    if os.getuid() == 0:
        os.chown(tmp_path / "base", 65534, 65534)
        assert addresses(tmp_path / "base") == []


def test_all_of_it_is_in_the_folder(tmp_path: Path) -> None:
    """Socket, lock and log vanish with it."""
    address = SupervisorAddress(tmp_path / "key")
    assert {p.parent for p in (address.socket, address.lock, address.log)} == {tmp_path / "key"}


def test_a_variable_that_is_not_set_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a runtime folder, supervisors are below the temporary one, whatever lies elsewhere."""
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(tempfile, "tempdir", "/short")
    for env in ({}, {"XDG_RUNTIME_DIR": ""}):
        assert base(env).parent == Path("/short")
