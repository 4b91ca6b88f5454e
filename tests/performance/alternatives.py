"""What people use for a database or a keyspace of each test, ours among it, and what of it can run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.performance.bench import installed, not_embedded, suite
from tests.performance.findings import Absent
from tests.performance.measuring import CaseFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.performance.bench import Bench

__all__ = ["CONTAINERS", "OURS", "OURS_DOCKER", "PER_TEST", "POSTGRES", "REDIS", "TUNED", "Alternative", "usable"]

_ASK_SECONDS = 60.0
_FIXTURE = "postgres_tx"

OURS = "test-framework: postgres_db, embedded"
OURS_DOCKER = "test-framework: postgres_db, Docker"
PER_TEST = "testcontainers: a container per test"
CONTAINERS = "testcontainers: a container per session, TRUNCATE"
TUNED = "testcontainers: a container per session without fsync, TRUNCATE"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to have a database or a keyspace.

    Attributes:
        name: For people.
        conftest: The file with its fixtures, below `suites`.
        plugin: The entry point of its plugin, where it has one.
        needs: What must be there: a module, or `compose` or `pglite`.
        on: `held` for the server that is warm, embedded; `docker` for ours that is warm on Docker; `cold` for ours
            that ends after each run; `own` for what starts its own, on Docker but for py-pglite.
        few: Tests of the short one of two runs, of which one more test's cost is the difference.
    """

    name: str
    conftest: str
    plugin: str = ""
    needs: tuple[str, ...] = ()
    on: Literal["held", "docker", "cold", "own"] = "held"
    few: int = 5


_TC = ("testcontainers", "docker")
POSTGRES = (
    Alternative(OURS, "postgres/ours.py", "test_framework"),
    Alternative(
        "test-framework: postgres_db, embedded, started by the run", "postgres/ours.py", "test_framework", on="cold"
    ),
    Alternative(OURS_DOCKER, "postgres/ours.py", "test_framework", ("docker",), "docker"),
    Alternative("test-framework: postgres_tx, embedded", "postgres/ours_tx.py", "test_framework", (_FIXTURE,)),
    Alternative(
        "pytest-postgresql: a clone per test",
        "postgres/pytest_postgresql.py",
        "pytest_postgresql",
        ("pytest_postgresql",),
    ),
    Alternative("CREATE DATABASE … TEMPLATE, and DROP", "postgres/create_drop.py"),
    Alternative("one database, TRUNCATE of all tables", "postgres/truncate.py"),
    Alternative("one database, a transaction rolled back", "postgres/rollback.py"),
    Alternative("py-pglite: TRUNCATE", "postgres/pglite.py", "py_pglite", ("py_pglite", "pglite"), "own"),
    Alternative(
        "pytest-databases: a container, TRUNCATE",
        "postgres/pytest_databases.py",
        "pytest_databases",
        ("pytest_databases", "docker"),
        "own",
    ),
    Alternative(
        "pytest-docker: compose, TRUNCATE",
        "postgres/pytest_docker.py",
        "docker",
        ("pytest_docker", "compose"),
        "own",
    ),
    Alternative(CONTAINERS, "postgres/containers.py", "", _TC, "own"),
    Alternative(TUNED, "postgres/containers_tuned.py", "", _TC, "own"),
    Alternative(PER_TEST, "postgres/container_per_test.py", "", _TC, "own", few=2),
)
REDIS = (
    Alternative("test-framework: redis_db, embedded", "redis/ours.py", "test_framework"),
    Alternative("test-framework: redis_db, Docker", "redis/ours.py", "test_framework", ("docker",), "docker"),
    Alternative("pytest-redis: FLUSHALL", "redis/pytest_redis.py", "pytest_redis", ("pytest_redis",)),
    Alternative("one database, FLUSHDB", "redis/flushdb.py"),
    Alternative("testcontainers: a container per session, FLUSHALL", "redis/containers.py", "", _TC, "own"),
)


def usable(bench: Bench, wanted: Iterable[Alternative], service: str) -> tuple[list[Alternative], list[Absent]]:
    """Return those that can run here, and the others with the reason."""
    found, absent = [], []
    for alternative in wanted:
        needs = (*alternative.needs, *([service] if alternative.on in ("held", "cold") else []))
        if why := next(filter(None, (_missing(bench, need) for need in needs)), ""):
            absent.append(Absent(alternative.name, why))
        else:
            found.append(alternative)
    return found, absent


def _missing(bench: Bench, need: str) -> str:
    """Return why something is not here; empty when it is."""
    asked: dict[str, Callable[[], str]] = {
        "postgres": lambda: not_embedded("postgres"),
        "redis": lambda: not_embedded("redis"),
        "docker": lambda: bench.no_images,
        "compose": lambda: bench.no_compose,
        "pglite": lambda: _no_pglite(bench),
        _FIXTURE: lambda: _no_fixture(bench),
    }
    return asked[need]() if need in asked else installed(need)


def _no_pglite(bench: Bench) -> str:
    try:
        _ = bench.pglite
    except CaseFailed as error:
        return str(error)
    return ""


def _no_fixture(bench: Bench) -> str:
    root = bench.project("fixtures", {"test_nothing.py": suite("nothing.py")})
    command = bench.command("--fixtures", plugin="test_framework")
    told = run(command, root, {**bench.env, "TESTS": "1", "DRIVER": "psycopg"}, _ASK_SECONDS, may_fail=True)[1]
    return "" if f"\n{_FIXTURE} " in told or f"\n{_FIXTURE}\n" in told else f"this version has no fixture {_FIXTURE}"
