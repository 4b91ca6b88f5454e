"""What a project has already, as far as it decides what to add to it."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting, load
from test_framework.suite.discovery import is_test_file, walk
from test_framework.suite.module_finder import ModuleFinder
from test_framework.suite.pytest_settings import read_pytest_settings
from test_framework.suite.requirements import declared_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_framework.config import Settings
    from test_framework.suite.pytest_settings import PytestSettings

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "pytest.ini", "tox.ini", "noxfile.py", ".git")
_TESTS = ("tests", "test")
_DRIVERS = {"asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg_binary"}
_GIT_SECONDS = 10
_GROUPS = "tool.poetry.group"
_LISTS = ("project.optional-dependencies", "dependency-groups")
_TABLES = ("project", *_LISTS, "build-system", "tool", "tool.setuptools", "tool.poetry", _GROUPS)


def find_project(start: Path) -> Path:
    """Return the project's folder: `start`, or the nearest above with a `pyproject.toml` when nothing is in `start`."""
    start = start.resolve()
    if any((start / name).exists() for name in _MARKS):
        return start
    return next((folder for folder in start.parents if (folder / "pyproject.toml").is_file()), start)


@dataclass(frozen=True)
class Project:
    """A project; all paths are from its root.

    Attributes:
        root: Its folder.
        data: Its `pyproject.toml`.
        settings: Our settings, without the environment.
        pytest: The settings of pytest.
    """

    root: Path
    data: Mapping[str, Any]
    settings: Settings
    pytest: PytestSettings

    @classmethod
    def at(cls, root: Path) -> Project:
        """Look at a project.

        Raises:
            BadSetting: One of its files cannot be read, or says what cannot be.
        """
        settings = load(root, {})
        path = root / "pyproject.toml"
        data = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        _check(data)
        return cls(root, data, settings, read_pytest_settings(root))

    def text(self, path: str) -> str:
        """Return what a file holds.

        Raises:
            BadSetting: It cannot be read.
        """
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise BadSetting(f"{path} cannot be read: {error.strerror}.") from error

    @cached_property
    def python(self) -> tuple[str, ...]:
        """Its Python files, but for those that the audit leaves out."""
        tree = walk(str(self.root), ModuleFinder(), self.settings.audit.exclude)
        return tuple(tree.relative(path) for path in tree.python)

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Its test files."""
        return tuple(path for path in self.python if is_test_file(f"/{path}", self.pytest.python_files))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names by which what it declares to need is imported."""
        return frozenset(declared_names(self.root))

    @property
    def has_postgres(self) -> bool:
        """Whether it declares a driver of Postgres."""
        return bool(self.names & _DRIVERS)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services that its first test is to use: Postgres, unless it has to do with Redis alone."""
        redis = ("redis",) if "redis" in self.names else ()
        return redis if redis and not self.has_postgres else ("postgres", *redis)

    @cached_property
    def home(self) -> str:
        """The folder of its tests, or the one where they are to be."""
        given = [os.path.relpath(path, self.root).replace(os.sep, "/") for path in self.pytest.testpaths]
        used = sorted(map(tests_folder, self.tests), key=lambda path: path.count("/"))
        there = [p for p in (*given, *_TESTS, *used) if (self.root / p).is_dir() and not p.startswith("..")]
        return next((folder for path in there if PurePosixPath(folder := tests_folder(path)).name in _TESTS), "tests")

    @cached_property
    def is_installable(self) -> bool:
        """Whether pip can install it."""
        if "project" in self.data or "build-system" in self.data or (self.root / "setup.py").is_file():
            return True
        return (self.root / "setup.cfg").is_file() and "[metadata]" in self.text("setup.cfg")

    @cached_property
    def packages_are_guessed(self) -> bool:
        """Whether setuptools takes each folder beside the package for another one, and then refuses to build."""
        backend = self.data.get("build-system", {}).get("build-backend", "setuptools.build_meta")
        if not self.is_installable or not str(backend).startswith("setuptools") or (self.root / "src").is_dir():
            return False
        told = "\n".join(self.text(name) for name in ("setup.py", "setup.cfg") if (self.root / name).is_file())
        given = self.data.get("tool", {}).get("setuptools", {})
        return not ({"packages", "py-modules"} & given.keys() or re.search(r"\b(?:packages|py_modules)\s*=", told))

    def is_ignored(self, path: str) -> bool:
        """Whether git ignores a path, also where it has a file of that name already, or there is no git."""
        command = ["git", "-C", str(self.root), "check-ignore", "--quiet", "--no-index", "--", path]
        try:
            return subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=False).returncode != 1  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return True


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of some others, or in one of them."""
    return any(folder in (".", path) or path.startswith(f"{folder}/") for folder in folders)


def tests_folder(path: str) -> str:
    """Return the folder of tests that a path is in: up to `tests`, else the folder of the file."""
    parts = path.split("/")
    at = next((number for number, part in enumerate(parts) if part in _TESTS), None)
    if at is not None:
        return "/".join(parts[: at + 1])
    return path.rpartition("/")[0] or "." if path.endswith(".py") else path


def _check(data: Mapping[str, Any]) -> None:
    """Refuse what packaging would refuse."""
    for dotted in _TABLES:
        _must_be(data, dotted, dict, "a table")
    for dotted in _LISTS:
        for name in data_at(data, dotted) or ():
            _must_be(data, f"{dotted}.{name}", list, "a list")
    for name in data_at(data, _GROUPS) or ():
        _must_be(data, f"{_GROUPS}.{name}", dict, "a table")
    _must_be(data, "project.dependencies", list, "a list")


def _must_be(data: Mapping[str, Any], dotted: str, kind: type, wanted: str) -> None:
    found = data_at(data, dotted)
    if found is not None and not isinstance(found, kind):
        raise BadSetting.value(dotted, found, "pyproject.toml", wanted)


def data_at(data: Any, dotted: str) -> Any:
    """Return the value of a dotted key; None where there is none."""
    for part in dotted.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    return data
