"""A throw-away project, and runs of pytest on it that can be held in mid-test."""

from __future__ import annotations

import json
import subprocess
import sys
from string import Template
from typing import TYPE_CHECKING, Any

from test_framework.supervisor.client import answering_supervisors
from tests.support.run import RUN_SECONDS, Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.place import Place

__all__ = ["LOST", "SERVICES", "Checkout"]

SERVICES = ("postgres", "redis")
LOST = {"test_before[0]": "passed", "test_middle[0]": "passed", "test_after[0]": "error", "test_after[1]": "error"}
"""What becomes of the tests when something that they need is lost in the middle of the second one."""

_SETTINGS = """\
[tool.pytest.ini_options]
addopts = ["--strict-markers", "--import-mode=importlib", "-p", "no:cacheprovider"]
filterwarnings = ["error"]

[tool.test_framework]
"""

_TESTS = Template('''\
"""One test before, one in the middle of which the run can be held, and two after."""

import os
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def use(request):
    """Write to every service."""
    for name in $fixtures:
        url = request.getfixturevalue(name).url
        if name == "postgres_db":
            import psycopg

            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE book (title text)")
        else:
            from redis import Redis

            with Redis.from_url(url) as client:
                assert client.set("title", "Kindred")


def hold():
    """Say that the run is here, and stay until it is told to go on."""
    if not (ROOT / "hold").exists():
        return
    (ROOT / f"here-{os.getpid()}").touch()
    deadline = time.monotonic() + 60
    while (ROOT / "hold").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
''')

_TEST = Template("""\


@pytest.mark.requires(*$services)
@pytest.mark.parametrize("number", range($number))
def test_$kind(request, number):
    use(request)
    if "$kind" == "middle":
        hold()
""")


class Checkout:
    """A project with a tier `integration` whose tests write to the services named.

    Attributes:
        root: Its folder.
        place: Where it lies.
        provider: The only provider of its services.
        services: What its tests use.
    """

    def __init__(
        self,
        place: Place,
        provider: str,
        services: tuple[str, ...] = SERVICES,
        *,
        name: str = "project",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.place = place
        self.provider = provider
        self.services = services
        self.root = place.path / name
        self._env = dict(env or {})
        self.tests()
        self.write(
            "pyproject.toml", _SETTINGS + f"[tool.test_framework.tiers.integration]\nservices = {list(services)}\n"
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def tests(self, *, before: int = 1, middle: int = 1, after: int = 2) -> None:
        """Write the tests, so many of each kind."""
        fixtures = [f"{name}_db" for name in self.services]
        text = _TESTS.substitute(fixtures=fixtures)
        for kind, number in {"before": before, "middle": middle, "after": after}.items():
            text += _TEST.substitute(services=self.services, kind=kind, number=number) if number else ""
        self.write("tests/integration/test_services.py", text)

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of what runs here, with these variables on top."""
        return self.place.env | {"TEST_FRAMEWORK_PROVIDERS": self.provider} | self._env | dict(env or {})

    def hold(self) -> None:
        """Let runs stay in mid-test until `go`."""
        for path in self.root.glob("here-*"):
            path.unlink()
        self.write("hold", "")

    def go(self) -> None:
        """Let runs go on."""
        (self.root / "hold").unlink()

    def start(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        python: str = sys.executable,
        **process: Any,
    ) -> Run:
        """Start pytest on the tier.

        Args:
            args: For pytest.
            env: Variables on top of those of the project.
            prefix: A command that runs the command that follows it.
            python: The interpreter.
            process: For `subprocess`, such as `user`.
        """
        pytest = [python, "-m", "pytest", "-p", "test_framework.plugin", "--tier", "integration", *args]
        return Run([*prefix, *pytest], self.root, self.place, env=self.env(env), **process)

    def start_held(self, *args: str, env: Mapping[str, str] | None = None) -> Run:
        """Start pytest and wait until it stays in mid-test."""
        self.hold()
        run = self.start(*args, env=env)
        run.wait_held(1)
        self.place.containers()
        return run

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> Run:
        """Run pytest to its end."""
        run = self.start(*args, env=env)
        run.end()
        return run

    def command(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `python -m test_framework`."""
        return subprocess.run(
            [sys.executable, "-m", "test_framework", *args],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
            cwd=self.root,
            env=self.env(env),
        )

    def json(self, *args: str, env: Mapping[str, str] | None = None) -> Any:
        """Run `python -m test_framework` and return the JSON that it prints."""
        result = self.command(*args, "--json", env=env)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def status(self) -> list[dict[str, Any]]:
        """Return the supervisors of this project and what they hold."""
        return [told for _, told in answering_supervisors(self.env()) if told["root"] == str(self.root)]

    def servers(self) -> dict[str, str]:
        """Return the process id or the container id of each service's only server."""
        (supervisor,) = self.status()
        found = {server["service"]: server["id"] for server in supervisor["servers"]}
        assert len(found) == len(supervisor["servers"]), "a service has one server"
        assert found.keys() == set(self.services)
        return found
