"""A Docker engine that a test may stop, kill and fill up, and a small image for it."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import DockerException

from test_framework.resolution import Refused
from test_framework.services import get
from tests.conftest import wait_until
from tests.support.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OwnEngine", "own_engine", "redis_layer", "small_redis"]

_NEEDED = ("containerd", "dockerd", "ip")
_START_SECONDS = 60.0
_CONTAINERD = """\
version = 2
root = "{folder}/data/containerd"
state = "{folder}/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{folder}/containerd.sock"
"""


class OwnEngine:
    """An engine with its own socket, network and small disk, beside whatever engine the machine has.

    It has a containerd of its own that outlives it, as the system's engine has: killed and started again, it finds its
    containers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bridge = f"tf{os.getpid()}"
        self._data = folder / "data"
        self._log = (folder / "log").open("ab")
        self._containerd: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self.env = {
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
            "DOCKER_TLS_VERIFY": "",
            "DOCKER_TLS": "",
            "DOCKER_CERT_PATH": "",
            "DOCKER_CONTEXT": "",
        }
        self.client = docker.DockerClient(base_url=self.env["DOCKER_HOST"], timeout=10, version="1.41")

    def prepare(self) -> None:
        """Make its disk, its network and its containerd."""
        self._data.mkdir()
        _call("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(self._data))
        _call("ip", "link", "add", self._bridge, "type", "bridge")
        # A network that is set aside for tests of networks.
        _call("ip", "address", "add", f"198.18.{os.getpid() % 250}.1/24", "dev", self._bridge)
        _call("ip", "link", "set", self._bridge, "up")
        config = self.folder / "containerd.toml"
        config.write_text(_CONTAINERD.format(folder=self.folder))
        self._containerd = self._run("containerd", "--config", str(config))
        wait_until((self.folder / "containerd.sock").is_socket, "containerd listens", _START_SECONDS)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._daemon = self._run(
            "dockerd",
            f"--containerd={self.folder}/containerd.sock",
            f"--data-root={self._data}/docker",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/pid",
            f"--host={self.env['DOCKER_HOST']}",
            f"--bridge={self._bridge}",
            "--iptables=false",
            "--ip-masq=false",
        )
        wait_until(self._answers, f"the engine answers; its log is {self._log.name}", _START_SECONDS)

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def _answers(self) -> bool:
        """Ask without the SDK, which leaves a socket open for each time that nobody listens."""
        with closing(socket.socket(socket.AF_UNIX)) as sock, suppress(OSError):
            sock.connect(self.env["DOCKER_HOST"].removeprefix("unix://"))
            sock.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in sock.recv(64)
        return False

    def end(self, number: int = signal.SIGKILL) -> None:
        """Kill it, or stop it by another signal."""
        if self._daemon:
            self._daemon.send_signal(number)
            self._daemon.wait(_START_SECONDS)

    @contextmanager
    def nearly_full(self, room: int) -> Iterator[None]:
        """Leave so many bytes on its disk for the length of the block."""
        filler = self._data / "filler"
        free = shutil.disk_usage(self._data).free
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - room)
        try:
            yield
        finally:
            filler.unlink()

    def close(self) -> None:
        """End it with everything that it had."""
        with suppress(DockerException, OSError):
            for container in self.client.containers.list(all=True):
                container.remove(force=True)
        self.client.close()
        self.end(signal.SIGTERM)
        if self._containerd:
            self._containerd.terminate()
            self._containerd.wait(_START_SECONDS)
        self._log.close()
        for command in (
            ("umount", "--recursive", "--lazy", str(self._data)),
            ("ip", "link", "delete", self._bridge),
        ):
            subprocess.run(command, capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def own_engine() -> Iterator[OwnEngine]:
    """Return an engine of the tests' own with a small image of Redis; skipped where none can be started."""
    need("root", "mounts", *_NEEDED)
    engine = OwnEngine(Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp")))  # TMPDIR may be too long
    try:
        engine.prepare()
        engine.start()
        small_redis(engine.client)
        yield engine
    finally:
        engine.close()


def small_redis(client: docker.DockerClient, name: str = "tests/redis:8") -> str:
    """Make an image of nothing but the Redis of this machine and its libraries; return its name."""
    repository, _, tag = name.rpartition(":")
    client.api.import_image_from_data(redis_layer(), repository=repository, tag=tag, changes=["ENV PATH=/usr/bin"])
    return name


def redis_layer() -> bytes:
    """Return the files of that image as an archive; the test is skipped where no Redis is installed."""
    try:
        program = get("redis").find_binary("", os.environ).path.resolve()
    except Refused as refused:
        pytest.skip(str(refused))
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(program, arcname="/usr/bin/redis-server")
        for library in re.findall(r"(/\S+) \(0x", told):
            tar.add(Path(library).resolve(), arcname=library)
    return archive.getvalue()


def _call(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True, text=True)
