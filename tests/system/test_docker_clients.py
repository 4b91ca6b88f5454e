"""Faults on this side of the engine's socket: no SDK, a daemon that hangs, a user who may not, an environment."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import SERVICES, Checkout
from tests.support.everybody import python_of_everybody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.place import Place

_MODULES = 10
_AT_MOST = 20.0
"""Seconds that a probe of a daemon that hangs may take on a busy machine: its own bound is one, the SDK's is 60."""

NOBODY = pwd.getpwnam("nobody")
AS_NOBODY: dict[str, Any] = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}


@pytest.mark.docker_required
@pytest.mark.parametrize("package", ["docker", "testcontainers"])
def test_package_that_cannot_be_imported(docker_place: Place, package: str) -> None:
    """Without one of its packages Docker is unavailable, not broken, and embedded servers take its place."""
    checkout = Checkout(docker_place, "docker,embedded", ("redis",))
    checkout.write(f"shadow/{package}/__init__.py", "raise ImportError('it is damaged')")
    run = checkout.run(env={"PYTHONPATH": str(checkout.root / "shadow")})
    run.passed()
    told = run.attempt("redis", "docker")
    assert (told["code"], told["kind"]) == ("sdk-missing", "unavailable")
    assert told["message"] == f"the Python package {package} cannot be imported: it is damaged"
    assert run.report["services"]["redis"]["provider"] == "embedded"
    docker_place.is_empty()


@pytest.mark.docker_required
def test_environment_stays_as_it_was(docker_place: Place) -> None:
    """In pytest's own process, a container's start leaves the environment as it was."""
    checkout = Checkout(docker_place, "docker", ("redis",))
    checkout.write("conftest.py", "import os\nBEFORE = dict(os.environ)\n")
    checkout.write(
        "tests/integration/test_services.py",
        "import os\n"
        "from conftest import BEFORE\n"
        "def test_environment(redis_db):\n"
        "    assert redis_db.provider == 'docker'\n"
        "    now = {k: v for k, v in os.environ.items() if k not in ('PYTEST_CURRENT_TEST', 'PYTEST_VERSION')}\n"
        "    assert now == {k: v for k, v in BEFORE.items() if k in now}\n"
        "    assert not BEFORE.keys() - os.environ.keys()\n",
    )
    checkout.run(env={"TEST_FRAMEWORK_SUPERVISOR": "0", "PYTHONPATH": str(checkout.root)}).passed()
    docker_place.is_empty()


class Hung:
    """A socket that accepts and never answers."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))  # TMPDIR may be too long
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / "docker.sock"))
        self._listener.listen()
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> str:
        """What `DOCKER_HOST` has to be."""
        return f"unix://{self.folder}/docker.sock"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self.accepted.append(self._listener.accept()[0])

    def close(self) -> None:
        """Close everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for sock in (self._listener, *self.accepted):
            sock.close()
        shutil.rmtree(self.folder)


@pytest.fixture
def hung() -> Iterator[Hung]:
    """Return such a socket."""
    made = Hung()
    yield made
    made.close()


def test_doctor_on_a_daemon_that_hangs(embedded_place: Place, hung: Hung) -> None:
    """The doctor says `daemon-hung` after one probe, which all services wait for together."""
    checkout = Checkout(embedded_place, "docker,embedded")
    found = checkout.json("doctor", env={"DOCKER_HOST": hung.host})
    assert len(hung.accepted) == 1
    for service in SERVICES:
        told = {attempt["provider"]: attempt for attempt in found["services"][service]["attempts"]}
        assert (told["docker"]["code"], told["docker"]["kind"]) == ("daemon-hung", "unavailable")
        assert told["docker"]["seconds"] < _AT_MOST
        assert found["services"][service]["provider"] == "embedded"


def test_run_on_a_daemon_that_hangs(embedded_place: Place, hung: Hung) -> None:
    """Ten modules and two services wait for one probe together."""
    checkout = Checkout(embedded_place, "docker,embedded")
    checkout.tests(before=1, middle=0, after=0)
    text = (checkout.root / "tests/integration/test_services.py").read_text()
    for number in range(1, _MODULES):
        checkout.write(f"tests/integration/test_services_{number}.py", text)
    run = checkout.run(env={"DOCKER_HOST": hung.host})
    run.passed()
    assert run.report["counts"]["passed"] == _MODULES
    for service in SERVICES:
        told = run.attempt(service, "docker")
        assert told["code"] == "daemon-hung"
        assert told["seconds"] < _AT_MOST
    assert len(hung.accepted) == 1
    embedded_place.is_empty()


def test_user_who_may_not_open_the_socket(embedded_place: Place) -> None:
    """A user whom the engine's socket does not let in is told so, with his name, and has embedded servers."""
    python, path = python_of_everybody(**AS_NOBODY)
    place = embedded_place
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.path / "docker.sock"))
        (place.path / "docker.sock").chmod(0o660)
        listener.listen()
        env = {
            "DOCKER_HOST": f"unix://{place.path}/docker.sock",
            "HOME": str(place.temporary),
            "XDG_CACHE_HOME": str(place.path / "cache"),
            "PYTHONPATH": path,
        }
        checkout = Checkout(place, "docker,embedded", ("postgres",), env=env)
        (place.path / "cache").mkdir()
        for folder in (place.path, *place.path.rglob("*")):
            os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        os.chown(place.path / "docker.sock", 0, 0)
        run = checkout.start(python=python, **AS_NOBODY)
        run.passed()
        told = run.attempt("postgres", "docker")
        assert (told["code"], told["kind"]) == ("permission-denied", "unavailable")
        assert "user nobody has no permission to open" in told["message"]
        assert run.report["services"]["postgres"]["provider"] == "embedded"
    (place.path / "docker.sock").unlink()
    place.is_empty()
