"""No password stands on a command line, of a process, of a container or of its health check."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import redis

from test_framework.config import BadSetting
from test_framework.contracts import Launch
from test_framework.plugin.lease import ReasonedSkip
from test_framework.resolution import Refused
from test_framework.services.redis import Redis
from tests.conftest import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

IMAGES = {name: value for name, value in os.environ.items() if name.endswith("_IMAGE")}
"""Those of this machine, of which a project of a test is not told by itself."""

SEEN = """
import json, os, subprocess, sys
import psutil
from urllib.parse import urlsplit

found = [urlsplit(os.environ[name]).password for name in ("DATABASE_URL", "REDIS_URL")]
lines = []
for process in psutil.process_iter():
    try:
        lines.append(" ".join(process.cmdline()))
    except psutil.Error:
        pass
inspected = ""
if sys.argv[1] == "docker":
    ids = subprocess.run(
        ["docker", "ps", "--quiet", "--no-trunc", "--filter", "label=test-framework.project=" + sys.argv[2]],
        capture_output=True, text=True, check=True,
    ).stdout.split()
    assert len(ids) == 2, ids
    inspected = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
    inspected += subprocess.run(["docker", "ps", "--no-trunc"], capture_output=True, text=True, check=True).stdout
assert all(len(password) > 20 for password in found)
print(json.dumps([
    any(password in line for line in lines for password in found), any(password in inspected for password in found)
]))
"""


@pytest.mark.parametrize("provider", ["embedded", pytest.param("docker", marks=pytest.mark.docker_required)])
def test_servers_of_ours(project: Project, provider: str) -> None:
    """Their passwords are in no process' command, and the engine shows them to nobody: digests stand there."""
    for name, value in IMAGES.items():
        project.env.setenv(name, value)
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", provider)
    seen = project.write("seen.py", SEEN)
    command = [sys.executable, "-m", "test_framework", "exec", "--", sys.executable, str(seen), provider]
    ran = subprocess.run(
        [*command, str(project.path)], cwd=project.path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout.strip() == "[false, false]", ran.stdout + ran.stderr


def test_redis_logs_in_by_a_digest() -> None:
    """The command of its container has what Redis compares with, and not what logs in."""
    launch = Launch("a-password-of-this-server")
    words = Redis().container(launch).command
    assert launch.password not in " ".join(words)
    assert words[1:4] == ("--user", "default", "on")


def test_redis_takes_the_digest(tmp_path: Path) -> None:
    """With the password clients get in, by itself or with the name of the user; without it nobody does."""
    try:
        program = Redis().find_binary("", os.environ).path
    except Refused as refused:
        raise ReasonedSkip(refused.reason) from refused
    password = "a-password-of-this-server"
    spec = Redis().container(Launch(password))
    socket = tmp_path / "s"
    process = subprocess.Popen(
        [program, *spec.command[1:], "--port", "0", "--unixsocket", str(socket)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: socket.exists() or process.poll() is not None, "redis listens", 30)
        for login in ({"password": password}, {"username": "default", "password": password}):
            client = _client(socket, login)
            assert client.set("a", 1)
            assert client.publish("channel", "text") == 0
            assert client.config_get("databases")
        for login in ({}, {"password": "another"}, {"password": spec.command[4].lstrip("#")}):
            with pytest.raises(redis.AuthenticationError):
                _client(socket, login).ping()
    finally:
        process.kill()
        process.wait()


def _client(socket: Path, login: dict[str, Any]) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), **login)


CLASS = """
from dataclasses import replace
from test_framework.services import CustomService

class Careless(CustomService):
    def prepare(self, binary, folder, port, launch, run):
        command = super().prepare(binary, folder, port, launch, run)
        return replace(command, argv=(*command.argv, "--auth", launch.password))

    def container(self, launch):
        return replace(super().container(launch), command=("sleep", "60", launch.password))
"""

TABLE = """
[tool.test_framework.services.careless]
class = "careless:Careless"
url_format = "tcp://{host}:{port}"
image = "%s"
port = 4222
command = ["sleep", "60"]
"""


@pytest.mark.parametrize("provider", ["embedded", pytest.param("docker", marks=pytest.mark.docker_required)])
def test_a_class_that_puts_it_there(project: Project, provider: str) -> None:
    """Is refused before anything is started, with what to do instead; the password is not told."""
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", provider)
    project.write("careless.py", CLASS)
    project.configure(TABLE % IMAGES.get("TEST_FRAMEWORK_REDIS_IMAGE", "redis:8-alpine"))
    command = [sys.executable, "-m", "test_framework", "exec", "--service", "careless", "--", "true"]
    ran = subprocess.run(command, cwd=project.path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode != 0
    assert "the command of careless" in ran.stderr
    assert "has the server's password" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("words", [("a", "pass"), ("--auth=pass",), ("x", "{'test': ['CMD', 'pass']}")])
def test_it_may_be_a_part_of_a_word(words: tuple[str, ...]) -> None:
    """As in an option with its value, or in a health check."""
    launch = Launch("a-password-of-this-server")
    launch.check_command("x", [word.replace("pass", "word") for word in words])
    with pytest.raises(BadSetting, match="the command of x has the server's password"):
        launch.check_command("x", [word.replace("pass", launch.password) for word in words])
