"""Projects on which the alternatives run, in a place of their own on this machine, and what this machine has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from docker.errors import DockerException

from test_framework import services
from test_framework.providers.docker.probe import probe
from test_framework.resolution import Refused
from tests.performance.measuring import CaseFailed, end, run
from tests.support.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LABEL", "RUN_SECONDS", "Bench", "Options", "installed", "not_embedded", "suite"]

RUN_SECONDS = 900.0
"""Bound on one run of pytest."""

LABEL = "test-framework.benchmark"
"""Label of the containers and networks that alternatives make here; its value is the folder of the bench."""

_HERE = Path(__file__).parent
_COMMAND_SECONDS = 60.0
_HOLD_SECONDS = 90.0
_NPM_SECONDS = 120.0
_PACKAGES = {"@electric-sql/pglite": "^0.3.0", "@electric-sql/pglite-socket": "^0.0.8"}
"""Those that py-pglite asks for, and would install in each process anew."""

_PLUGINS = ("docker", "html", "py_pglite", "pytest_databases", "pytest_postgresql", "pytest_redis", "test_framework")
"""The entry points of ours and of the alternatives: a run loads only what it measures."""

_PYPROJECT = """
[tool.pytest.ini_options]
addopts = ["-q"]
pythonpath = ["."]

[tool.test_framework.services.postgres]
template = "schema.sql"
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of the parts; None where each has its own default."""

    quick: bool = False
    rounds: int | None = None
    tests: int | None = None
    tables: tuple[int, ...] | None = None
    workers: tuple[int, ...] | None = None

    def of_rounds(self, usual: int) -> int:
        """Return how many rounds count."""
        return self.rounds or (1 if self.quick else usual)

    def of_tests(self, usual: int, quick: int) -> int:
        """Return how many tests a run has."""
        return self.tests or (quick if self.quick else usual)


class Bench:
    """Folders for projects, an environment, and the engine of this machine.

    Attributes:
        place: What belongs to this benchmark on this machine; all of it is gone at the end.
        no_docker: Why no engine can be used; empty when one can.
    """

    def __init__(self) -> None:
        self.no_docker, engine = "", None
        try:
            engine = probe(os.environ).environment()
        except Refused as refused:
            self.no_docker = str(refused.reason)
        self.place = Place(engine)

    def __enter__(self) -> Self:
        """Return the bench itself."""
        self.place.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """End and remove all that is there."""
        self.place.__exit__(*_)
        if (client := self.place.client) is not None:
            mine = {"label": f"{LABEL}={self.place.path}"}
            with suppress(DockerException, OSError):
                for container in client.api.containers(all=True, filters=mine):
                    client.api.remove_container(container["Id"], force=True, v=True)
                for network in client.api.networks(filters=mine):
                    client.api.remove_network(network["Id"])
            client.close()

    @property
    def env(self) -> dict[str, str]:
        """The environment of all runs: servers stay warm, and alternatives label what they start."""
        env = {k: v for k, v in self.place.env.items() if k != "PYTEST_DISABLE_PLUGIN_AUTOLOAD"}
        return env | {
            "TEST_FRAMEWORK_IDLE_SECONDS": "60",
            # Its reaper is an image of its own, and takes time: testcontainers is faster without.
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            "BENCHMARK_LABEL": str(self.place.path),
            "POSTGRES_IMAGE": self.image("postgres"),
            "REDIS_IMAGE": self.image("redis"),
        }

    def image(self, service: str) -> str:
        """Return the image of a service, which is the same for all alternatives."""
        return os.environ.get(f"TEST_FRAMEWORK_{service.upper()}_IMAGE") or services.get(service).default_image

    @cached_property
    def no_images(self) -> str:
        """Why containers of Postgres and Redis cannot be started here; empty when they can."""
        if self.no_docker or self.place.client is None:
            return self.no_docker
        found = {tag for image in self.place.client.api.images() for tag in image["RepoTags"] or ()}
        missing = [image for image in map(self.image, ("postgres", "redis")) if image not in found]
        if not missing:
            return ""
        return f"{', '.join(missing)} not on the engine: docker pull it, or set TEST_FRAMEWORK_<SERVICE>_IMAGE"

    @cached_property
    def no_compose(self) -> str:
        """Why compose cannot be run; empty when it can."""
        if self.no_images:
            return self.no_images
        try:
            run(["docker", "compose", "version"], self.place.path, self.env, _COMMAND_SECONDS)
        except (CaseFailed, OSError) as error:
            return f"docker compose: {error}"
        return ""

    @cached_property
    def pglite(self) -> Path:
        """The folder with the packages that py-pglite runs, installed once; raises `CaseFailed`."""
        folder = self.place.path / "pglite"
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps({"dependencies": _PACKAGES}), encoding="utf-8")
        try:
            run(["npm", "install", "--no-fund", "--no-audit"], folder, {**os.environ}, _NPM_SECONDS)
        except OSError as error:
            raise CaseFailed(f"npm, with which its packages are installed, is not here: {error}") from error
        return folder

    def project(self, name: str, files: Mapping[str, str], *, tables: int = 5) -> Path:
        """Write a project with a schema of so many tables, of which one has three rows."""
        schema = "".join(f"CREATE TABLE t{n} (id serial PRIMARY KEY, name text);\n" for n in range(tables))
        schema += "INSERT INTO t0 (name) VALUES ('a'), ('b'), ('c');\n"
        root = self.place.path / name
        shared = {"pyproject.toml": _PYPROJECT, "schema.sql": schema, "shared.py": suite("shared.py")}
        for path, text in (shared | dict(files)).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return root

    def pytest(
        self,
        root: Path,
        *arguments: str,
        plugin: str = "",
        env: Mapping[str, str] | None = None,
        seconds: float = RUN_SECONDS,
        may_fail: bool = False,
    ) -> float:
        """Run pytest in a project, with one of the plugins at most, and return the seconds; raises `CaseFailed`."""
        command = self.command(*arguments, plugin=plugin)
        return run(command, root, {**self.env, **(env or {})}, seconds, may_fail=may_fail)[0]

    def command(self, *arguments: str, plugin: str = "") -> list[str]:
        """Return the command that does so."""
        without = [part for name in _PLUGINS if name != plugin for part in ("-p", f"no:{name}")]
        options = ["-p", "no:cacheprovider", "--import-mode=importlib", *without]
        return [sys.executable, "-m", "pytest", *options, *arguments]

    def program(self, root: Path, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run one of the benchmark's programs in a project, and return what it printed; raises `CaseFailed`."""
        command = [sys.executable, str(_HERE / "programs" / name), *arguments]
        return run(command, root, {**self.env, **(env or {})}, RUN_SECONDS)[1]

    def clean(self, root: Path) -> None:
        """End the servers that are warm for a project."""
        run([sys.executable, "-m", "test_framework", "--root", root, "clean"], root, self.env, _COMMAND_SECONDS)

    @contextmanager
    def held(
        self, root: Path, *wanted: str, env: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, dict[str, str]]]:
        """Have servers running for a project; yield `url` and `version` of each.

        Raises:
            CaseFailed: One cannot be had.
        """
        command = [sys.executable, str(_HERE / "programs" / "hold.py"), *wanted]
        with subprocess.Popen(
            command,
            cwd=root,
            env={**self.env, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                line = process.stdout.readline()
                if not line:
                    raise CaseFailed(process.stderr.read().strip() or "the servers cannot be had")
                yield json.loads(line)
                process.communicate(timeout=_HOLD_SECONDS)
            finally:
                end(process)


def suite(path: str) -> str:
    """Return a file that is copied into projects."""
    return (_HERE / "suites" / path).read_text(encoding="utf-8")


def installed(module: str) -> str:
    """Return why a module cannot be imported; empty when it can."""
    return "" if find_spec(module) else f"{module} is not installed: nox -s performance installs it"


def not_embedded(*wanted: str) -> str:
    """Return why one of these services cannot be embedded here; empty when all can."""
    for service in wanted:
        try:
            services.get(service).find_binary("", os.environ)
        except Refused as refused:
            return str(refused.reason)
    return ""
