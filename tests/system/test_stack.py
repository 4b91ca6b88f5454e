"""`invoke up` and `down`: the stack runs, leaves nothing, and where it cannot run it says why."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import docker
import psycopg
import pytest

from test_framework.stack import StackError
from test_framework.stack.command import find
from test_framework.stack.variables import Variables
from tests.conftest import wait_until
from tests.support.engines import Net, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UP_SECONDS = 100.0
REFUSED_SECONDS = 20.0


class Front:
    """`invoke` on this repository, with a compose project, a state folder and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.name = f"tf-{uuid.uuid4().hex[:12]}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TEST_FRAMEWORK_") or k.endswith("_IMAGE")}
        ports = dict.fromkeys(("POSTGRES_PORT", "REDIS_PORT", "BACKEND_PORT", "CLICKHOUSE_PORT"), "0")
        self.env = kept | ports | {"COMPOSE_PROJECT_NAME": self.name, "XDG_STATE_HOME": str(folder)}
        self.variables = Variables(self.name, self.env, ROOT / "compose/compose.yaml")
        self.label: dict[str, str | list[str] | bool] = {"label": f"com.docker.compose.project={self.name}"}

    def command(self, *arguments: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "invoke", "--search-root", str(ROOT), *arguments]

    def run(self, *arguments: str, seconds: float = UP_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a task to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.env,
            cwd=ROOT,
            timeout=seconds,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def refused(self, *arguments: str) -> str:
        """Run a task that cannot be done, and return what it says: one sentence, no traceback."""
        result = self.run(*arguments, seconds=REFUSED_SECONDS)
        assert result.returncode == 1, result.stdout
        assert "Traceback" not in result.stdout
        return result.stdout


@pytest.fixture
def front(tmp_path: Path) -> Front:
    """Return the front door to a stack that is not there."""
    return Front(tmp_path)


@pytest.fixture
def compose(front: Front, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return the compose command; the test is skipped where there is none, or it would refuse the engine."""
    request.getfixturevalue("docker_here")
    try:
        return find(front.env)
    except StackError as error:
        pytest.skip(str(error))


@pytest.fixture
def engine(front: Front, compose: tuple[str, ...]) -> Iterator[docker.DockerClient]:
    """Return the engine, where there is a compose command; what a failed test has left there is removed."""
    assert compose
    client = docker.from_env(timeout=10)
    try:
        yield client
        for container in client.containers.list(all=True, filters=front.label):
            container.remove(force=True, v=True)
        for network in client.networks.list(filters=front.label):
            network.remove()
    finally:
        client.close()


def held(client: docker.DockerClient, front: Front) -> dict[str, list[str]]:
    """Return what the engine has of the project, and the volumes of its containers, which have no label."""
    containers = client.containers.list(all=True, filters=front.label, ignore_removed=True)
    mounts = [m["Name"] for c in containers for m in c.attrs["Mounts"] if m["Type"] == "volume"]
    networks = [str(network.id) for network in client.networks.list(filters=front.label)]
    return {"containers": sorted(str(c.id) for c in containers), "networks": networks, "volumes": sorted(mounts)}


def parts(front: Front) -> dict[str, dict[str, Any]]:
    """Return what `invoke status --json` says of the stack, by service."""
    result = front.run("status", "--json")
    assert result.returncode == 0, result.stdout
    return {part["service"]: part for part in json.loads(result.stdout)["stack"]["parts"]}


def test_what_the_file_promises(front: Front, compose: tuple[str, ...]) -> None:
    """Ports are open on this machine only, images name a version, and every service says when it is healthy."""
    env = {k: v for k, v in front.env.items() if not k.endswith("_IMAGE")}
    env |= {"COMPOSE_PROFILES": "clickhouse", "POSTGRES_PASSWORD": "p", "REDIS_PASSWORD": "p"}
    command = [*compose, "--file", str(ROOT / "compose/compose.yaml"), "config", "--format", "json"]
    told = subprocess.run(command, env=env, capture_output=True, text=True, timeout=REFUSED_SECONDS, check=True)
    services = json.loads(told.stdout)["services"]
    assert set(services) == {"postgres", "redis", "backend", "clickhouse"}
    for service in services.values():
        assert [port["host_ip"] for port in service["ports"]] == ["127.0.0.1"]
        assert service["image"].rpartition(":")[2][0].isdigit()
        assert service["healthcheck"]
        assert "container_name" not in service


@pytest.mark.docker_required
def test_the_stack_lives_and_leaves_nothing(front: Front, engine: docker.DockerClient) -> None:
    """It is healthy after `up`, a second `up` says so and changes nothing, and after `down` nothing is left."""
    up = front.run("up")
    assert up.returncode == 0, up.stdout
    values = front.variables.read()

    with urlopen(f"{values['TEST_FRAMEWORK_BACKEND_URL']}/health/ready", timeout=5) as answer:  # noqa: S310  # ours
        assert answer.status == 200
    with psycopg.connect(values["TEST_FRAMEWORK_POSTGRES_URL"], connect_timeout=5) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert {service: part["state"] for service, part in parts(front).items()} == dict.fromkeys(
        ("backend", "postgres", "redis"), "healthy"
    )
    assert all(part["address"].startswith("127.0.0.1:") for part in parts(front).values())

    before = held(engine, front)
    again = front.run("up")
    assert again.returncode == 0
    assert f"already up: {front.name}" in again.stdout
    assert held(engine, front) == before

    logs = front.run("logs", "--service", "backend", "--tail", "5")
    assert logs.returncode == 0
    assert 0 < len(logs.stdout.splitlines()) <= 5
    assert "Choices: backend, postgres, redis." in front.refused("logs", "--service", "backedn")

    secrets = [value for name, value in values.items() if not name.endswith("_URL")]
    told = up.stdout + again.stdout + logs.stdout
    told += "".join(" ".join(c.attrs["Config"]["Cmd"] or ()) for c in engine.containers.list(ignore_removed=True))
    assert not [secret for secret in secrets if secret in told]

    down = front.run("down")
    assert down.returncode == 0, down.stdout
    assert not any(held(engine, front).values())
    assert not {volume.name for volume in engine.volumes.list()} & set(before["volumes"])
    assert not front.variables.path.exists()
    assert f"nothing is up: {front.name}" in front.run("down").stdout


@pytest.mark.docker_required
def test_an_up_that_is_interrupted_can_be_taken_down(front: Front, engine: docker.DockerClient) -> None:
    """After Ctrl-C in the middle, `down` removes what there is."""
    with subprocess.Popen(front.command("up"), env=front.env, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: bool(held(engine, front)["containers"]), "a container is made", UP_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(REFUSED_SECONDS) != 0
    down = front.run("down")
    assert down.returncode == 0, down.stdout
    assert not any(held(engine, front).values())
    assert not front.variables.path.exists()


@pytest.mark.docker_required
def test_a_port_that_is_taken(front: Front, engine: docker.DockerClient) -> None:
    """It is told before anything is started, with the variable to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        front.env["REDIS_PORT"] = str(port)
        said = front.refused("up")
    assert f"redis cannot have port {port}" in said
    assert "Set REDIS_PORT" in said
    assert not any(held(engine, front).values())


@pytest.mark.docker_required
@pytest.mark.usefixtures("engine")
def test_an_image_that_cannot_be_had(front: Front) -> None:
    """The image is named, and the variable with which to name another."""
    front.env["TEST_FRAMEWORK_REDIS_IMAGE"] = "localhost:1/nobody/has-this:1"
    said = front.refused("up")
    assert "the image localhost:1/nobody/has-this:1 is not here, and cannot be had" in said
    assert "TEST_FRAMEWORK_REDIS_IMAGE" in said


@pytest.mark.docker_required
def test_a_server_that_does_not_start(front: Front, engine: docker.DockerClient) -> None:
    """The service is named, its log is shown, and `down` cleans up."""
    # Redis' image has no `postgres` to run.
    front.env["TEST_FRAMEWORK_POSTGRES_IMAGE"] = front.env.get("TEST_FRAMEWORK_REDIS_IMAGE", "redis:8.2-alpine")
    said = front.run("up")
    assert said.returncode == 1
    assert "postgres is exited" in said.stdout
    assert "postgres-1" in said.stdout
    assert "partly up" in front.run("status").stdout
    assert front.run("down").returncode == 0
    assert not any(held(engine, front).values())


@pytest.mark.docker_required
@pytest.mark.usefixtures("docker_here")
def test_no_compose_command(front: Front, tmp_path: Path) -> None:
    """What is missing is named; nothing is written."""
    front.env["PATH"] = str(tmp_path)
    assert "neither docker compose nor docker-compose is here" in front.refused("up")
    assert not front.variables.path.exists()


@pytest.mark.parametrize("task", ["up", "down", "logs"])
def test_no_engine(front: Front, task: str) -> None:
    """The reason is the one of the probe."""
    front.env["DOCKER_HOST"] = "unix:///nope.sock"
    assert "socket-missing: no Docker socket at unix:///nope.sock" in front.refused(task)


def test_an_engine_that_hangs(front: Front, net: Net) -> None:
    """It is told in seconds, and `status` shows it beside what else there is."""
    front.env["DOCKER_HOST"] = f"unix://{net.unix(silent)}"
    begin = time.monotonic()
    assert "daemon-hung" in front.refused("up")
    assert time.monotonic() - begin < REFUSED_SECONDS
    told = json.loads(front.run("status", "--json").stdout)
    assert "daemon-hung" in told["stack"]["error"]
    assert isinstance(told["supervisors"], list)
