"""What the programs that we start are given of our environment: what programs need to run, and no secret."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "TMPDIR",
    # Where a program finds its libraries, and the authorities that it trusts.
    "LD_LIBRARY_PATH",
    "DYLD_*",
    "SSL_CERT_*",
)

AS_IN_A_CONTAINER = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "LANGUAGE": "", "TZ": "Etc/UTC", "TZDIR": ""}
"""The language and the time zone of our servers, as of official images. Those of whoever starts a server first would be
those of all runs that share it, and would stay in what is kept for the next start."""


def inherited(env: Mapping[str, str], *more: str) -> dict[str, str]:
    """Return the variables of an environment that a program is given.

    Args:
        env: The environment.
        more: Names of further variables, or patterns such as `DOCKER_*`.
    """
    return matching(env, (*_PASSED, *more))


def matching(env: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Return the variables whose names match one of the patterns."""
    known = tuple(patterns)
    return {name: value for name, value in env.items() if any(fnmatchcase(name, pattern) for pattern in known)}
