"""Test suites of other people that need Postgres or Redis: where they come from, and what they have to be told."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.archives import archive, environment, pip

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SUITES", "Place", "Suite"]

REQUIREMENTS = Path(__file__).parent / "requirements"
_CREATE_HSTORE = 'import psycopg; psycopg.connect("", autocommit=True).execute("CREATE EXTENSION hstore")'


@dataclass(frozen=True, slots=True)
class Suite:
    """A project on PyPI whose source archive holds its tests.

    Attributes:
        requirement: The distribution, with its version.
        sha256: That of its source archive.
        services: What its tests need.
        tests: What pytest is given.
        fixed: The ports of the services that it cannot be told a port of.
        password: Whether it can be told one.
        env: Variables of its own, as templates of `exec --env`.
        unset: Variables that it takes for something else.
        first: A Python program that has to run before it, as its own documentation or CI says.
    """

    requirement: str
    sha256: str
    services: tuple[str, ...]
    tests: tuple[str, ...]
    fixed: Mapping[str, int] = field(default_factory=dict)
    password: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    first: str = ""

    @property
    def name(self) -> str:
        """The name without the version."""
        return self.requirement.partition("==")[0]

    @property
    def version(self) -> str:
        """The version without the name."""
        return self.requirement.partition("==")[2]

    def options(self) -> list[str]:
        """Return the options of `exec`."""
        found = [part for service in self.services for part in ("--service", service)]
        found += [part for service, port in self.fixed.items() for part in ("--port", f"{service}={port}")]
        found += [] if self.password else ["--no-password"]
        return found + [part for name, template in self.env.items() for part in ("--env", f"{name}={template}")]

    def command(self, *options: str) -> list[str]:
        """Return the command that runs it, with further options of pytest."""
        command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *self.tests]
        if self.unset:
            command = ["env", *(part for name in self.unset for part in ("-u", name)), *command]
        if self.first:
            command = ["sh", "-c", f"python -c '{self.first}' && exec \"$@\"", "sh", *command]
        return command


SUITES = (
    # Reads PGHOST, PGPORT and PGPASSWORD. Its benchmarks are left out, by an option of their plugin.
    Suite(
        "pg8000==1.31.6",
        "553b240256d4b2d8f0ad2af28d07df1f9980247f74ac98d2c2b573762ec1ff1b",
        ("postgres",),
        ("--benchmark-skip", "test"),
    ),
    # Creates and drops databases, at `localhost` without a port and without a password.
    Suite(
        "sqlalchemy-utils==0.43.0",
        "7e8741dbc2c0f992d2181cd69de13de292b3a2a5305a9da832e10d540abcedbf",
        ("postgres",),
        ("tests",),
        fixed={"postgres": 5432},
        password=False,
        env={"SQLALCHEMY_UTILS_TEST_DB": "{postgres.database}"},
        first=_CREATE_HSTORE,
    ),
    # Reads the port of Redis, and knows no password. Its files have no names by which pytest would find them.
    Suite(
        "walrus==0.9.8",
        "fd2827ac265e857b485792c9da83ed6e22a00fe3e5fb9c2655ad59e2daf7966e",
        ("redis",),
        ("-o", "python_files=*.py", "walrus/tests"),
        password=False,
        env={"WALRUS_REDIS_PORT": "{redis.port}"},
    ),
    # Wants both; Redis at its usual port, without a password.
    Suite(
        "huey==3.5.4",
        "328f5a2dd1406621e5edb17d45655ae232ad9f32c0795ca8dc0bfc121dd7b30c",
        ("postgres", "redis"),
        ("huey/tests",),
        fixed={"redis": 6379},
        password=False,
        env={"HUEY_PG_DSN": "{postgres.url}"},
    ),
    # Looks for an empty one among the databases from 4 on, and starts workers. A test of its reads REDIS_URL.
    Suite(
        "rq==3.0.0",
        "b41e39b3c36ec3faf9e2402c638a0b25fe18ebb93a1cb15193bc69694f054618",
        ("redis",),
        ("tests",),
        fixed={"redis": 6379},
        password=False,
        unset=("REDIS_URL",),
    ),
)


class Place:
    """A suite as it lies on this machine: its tree, and the environment that has what it needs."""

    def __init__(self, suite: Suite, cache: Path) -> None:
        """Download and install what is not there yet; raises `CaseFailed`."""
        self._trees = cache / "trees"
        self.suite = suite
        self.bin = cache / f"venv-{suite.name}-{suite.version}" / "bin"
        done = self.bin.parent / "ready"
        if not done.exists():
            environment(self.bin.parent)
        python = self.bin / "python"
        self._archive = archive(python, suite.requirement, cache / "archives", suite.sha256)
        if not done.exists():
            pip(python, "install", "-r", REQUIREMENTS / f"{suite.name}.txt")
            pip(python, "install", "--no-deps", self._archive)
            done.touch()

    def fresh(self) -> Path:
        """Return its tree as it was published."""
        root = self._trees / self._archive.name.removesuffix(".tar.gz")
        shutil.rmtree(root, ignore_errors=True)
        with tarfile.open(self._archive) as packed:
            packed.extractall(self._trees, filter="data")
        return root
