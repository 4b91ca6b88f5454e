"""The ways to run a suite: without a server, beside servers that were started by hand, and by `exec`."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from test_framework.reasons import CATALOGUE, Code, Kind
from tests.adoption.by_hand import CannotStart, containers, none_there, programs
from tests.adoption.outcomes import Outcomes
from tests.performance.measuring import CaseFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tests.adoption.by_hand import Server
    from tests.adoption.suites import Place, Suite

__all__ = ["BESIDE", "WAYS", "Ran"]

SECONDS = 1800.0
"""Bound on one run of a suite."""

_ALONE_SECONDS = 300.0
"""The same where there is no server."""

_LEFT_OUT = re.compile(
    r"PG|REDIS_|DATABASE_URL|PYTEST_|PYTHONPATH|STAGING_|TEST_FRAMEWORK_(?!(POSTGRES|REDIS|CLICKHOUSE)_IMAGE)|CI$"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of a suite.

    Attributes:
        versions: Of the servers, by service.
        outcomes: What its tests said.
    """

    versions: Mapping[str, str]
    outcomes: Outcomes


def _nothing(place: Place) -> Ran:
    """Run it as it is on a machine with no server: what passes needs none."""
    none_there(place.suite.services)
    # What has to be there first cannot be made.
    try:
        return Ran({}, _run(place, replace(place.suite, first=""), [], _environment(place), _ALONE_SECONDS)[0])
    except CaseFailed as error:
        # It may wait for a server as long as it likes: that is nothing that went wrong here.
        raise CannotStart(str(error)) from error


def _by_hand(start: Callable[..., AbstractContextManager[Sequence[Server]]]) -> Callable[[Place], Ran]:
    def ran(place: Place) -> Ran:
        suite = place.suite
        with start(suite.services, suite.fixed) as servers:
            env = _environment(place)
            for server in servers:
                env |= server.env
            fields = {server.service: SimpleNamespace(**server.fields) for server in servers}
            env |= {name: template.format(**fields) for name, template in suite.env.items()}
            return Ran({server.service: server.version for server in servers}, _run(place, suite, [], env)[0])

    return ran


def _by_exec(provider: str) -> Callable[[Place], Ran]:
    def ran(place: Place) -> Ran:
        env = _environment(place) | {"TEST_FRAMEWORK_PROVIDERS": provider, "TEST_FRAMEWORK_IDLE_SECONDS": "0"}
        before = [sys.executable, "-m", "test_framework", "exec", *place.suite.options(), "--"]
        outcomes, said = _run(place, place.suite, before, env)
        told = re.findall(rf"^exec: (\w+) (\S+) (?:\(.*?\) )?on {provider} ", said, re.M)
        if {service for service, _ in told} != {*place.suite.services}:
            raise CaseFailed(f"exec did not say that it ran on {provider}:\n{said[:2000]}")
        return Ran(dict(told), outcomes)

    return ran


WAYS: dict[str, Callable[[Place], Ran]] = {
    "no server": _nothing,
    "by hand": _by_hand(programs),
    "exec, embedded": _by_exec("embedded"),
    "by hand, docker run": _by_hand(containers),
    "exec, Docker": _by_exec("docker"),
}
BESIDE = {"exec, embedded": "by hand", "exec, Docker": "by hand, docker run"}
"""With what each is compared: the same programs, and the same images."""


def _environment(place: Place) -> dict[str, str]:
    """Return the environment of this process without what leads to servers, with the programs of the suite."""
    kept = {name: value for name, value in os.environ.items() if not _LEFT_OUT.match(name)}
    return kept | {"PATH": f"{place.bin}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}


def _run(
    place: Place, suite: Suite, before: Sequence[str], env: Mapping[str, str], seconds: float = SECONDS
) -> tuple[Outcomes, str]:
    """Run a suite to its end in a fresh tree; return what its tests said, and what was printed.

    Raises:
        CannotStart: `exec` has no servers; it has said why.
        CaseFailed: It took too long, or no test was run.
    """
    root = place.fresh()
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder, "junit.xml")
        command = [*before, *suite.command(f"--junitxml={junit}", "--tb=line")]
        _, output = run(command, root, env, seconds, may_fail=True)
        if not junit.exists():
            refused = re.findall(r"^exec: (\S+ is unavailable: (\S+): .*)$", output, re.M) if before else []
            if refused and all(CATALOGUE[Code(code)].kind is Kind.UNAVAILABLE for _, code in refused):
                raise CannotStart(" ".join(line for line, _ in refused))
            raise CaseFailed(f"it wrote no results:\n{output[-2000:]}")
        return Outcomes.read(junit), output
