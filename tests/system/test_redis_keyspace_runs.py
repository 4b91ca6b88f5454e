"""Keyspaces of Redis in runs of pytest: what is left beside them is told, and whom it blames."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis as driver

from test_framework.config import Isolation

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.resolution import Endpoint
    from tests.conftest import Project

TEST = "tests/integration/test_it.py"
REDIS_ALONE = "tiers.integration.services = ['redis']"


@pytest.fixture
def own(project: Project, redis: Endpoint, framework_settings: Settings) -> Project:
    """Return the project, with a server of its own on the provider of this run."""
    project.configure(REDIS_ALONE)
    project.env.setenv("COLUMNS", "200")
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", redis.provider)
    project.env.setenv("TEST_FRAMEWORK_REDIS_IMAGE", framework_settings.service("redis").image)
    if redis.provider == "explicit":
        pytest.skip("it looks at a server of its own")
    return project


LEAKS = """
import pytest
from redis import Redis
from urllib.parse import urlsplit, urlunsplit

def at(endpoint, number):
    return Redis.from_url(urlunsplit(urlsplit(endpoint.url)._replace(path=f"/{number}")))

WAYS = {
    "database 0": lambda own, at: at(0).set("lost", 1),
    "database 900": lambda own, at: at(900).mset({"a": 1, "b": 2}),
    "config": lambda own, at: own.config_set("maxmemory", "100mb"),
    "acl": lambda own, at: own.acl_setuser("bob"),
    "flushall": lambda own, at: own.flushall(),
    "swapdb": lambda own, at: own.swapdb(901, 902),
    "nothing": lambda own, at: None,
    "keys": lambda own, at: own.set("mine", 1),
    "a look": lambda own, at: (at(0).get("lost"), own.config_get("*"), own.acl_list(), own.dbsize()),
    "undone": lambda own, at: (own.config_set("maxmemory", "1gb"), own.config_set("maxmemory", "100mb")),
    "refused": lambda own, at: pytest.raises(Exception, own.config_set, "no-such", 1),
    "fewer": lambda own, at: at(0).delete("lost"),
    "script": lambda own, at: own.eval("return 1", 0),
}

@pytest.mark.parametrize("way", WAYS)
def test_way(redis_db, way):
    with Redis.from_url(redis_db.url) as own:
        WAYS[way](own, lambda number: at(redis_db, number))
"""

FUNCTION = """
    "function": lambda own, at: own.function_load(
        "#!lua name=made\\nredis.register_function('f', function() return 1 end)"
    ),
"""
"""For servers that have them, from version 7."""

TOLD = {
    "database 0": "database 0 has 1 new key: lost",
    "database 900": "database 900 has 2 new keys: a, b",
    "config": "config maxmemory",
    "acl": "acl user bob",
    "flushall": "FLUSHALL was called, which reaches the databases of other tests",
    "swapdb": "SWAPDB was called, which reaches the databases of other tests",
}


def told(project: Project) -> dict[str, Any]:
    """Return the tests of the report by their parameter, or by their name."""
    tests = project.report("integration")["tests"]
    return {t["nodeid"].rpartition("::")[2].removeprefix("test_way[").removesuffix("]"): t for t in tests}


def test_what_is_left_beside_a_database(own: Project, redis: Endpoint) -> None:
    """Each test that leaves something has an error that names it, and no other test has."""
    functions = int(str(redis.version).partition(".")[0]) >= 7
    wanted = TOLD | ({"function": "function library made"} if functions else {})
    own.write(TEST, LEAKS.replace("WAYS = {", f"WAYS = {{{FUNCTION}") if functions else LEAKS)
    result = own.spawn("--tier", "integration")
    outcomes = {name: test["outcome"] for name, test in told(own).items()}
    assert {name for name, outcome in outcomes.items() if outcome == "error"} == {*wanted}
    assert {outcome for name, outcome in outcomes.items() if name not in wanted} == {"passed"}
    for text in wanted.values():
        result.stdout.fnmatch_lines([f"left-behind: *: redis, {text}. Undo it in the test, or set isolation*"])


SHARED = """
import time
import pytest
from redis import Redis

@pytest.mark.parametrize("number", range(2))
def test_it(redis, redis_db, number, tmp_path_factory):
    here = tmp_path_factory.getbasetemp().parent
    (here / f"began{number}").touch()
    deadline = time.monotonic() + 20
    while not (here / f"began{1 - number}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    if number:
        Redis.from_url(redis.url).set("lost", 1)
        (here / "written").touch()
    while not (here / "written").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
"""


def test_nobody_is_blamed_where_it_may_have_been_another(own: Project) -> None:
    """With two workers it is told at the end, once, with who ran at the time, and the run is green."""
    own.write(TEST, SHARED)
    result = own.spawn("--tier", "integration", "-n", "2")
    assert result.ret == pytest.ExitCode.OK
    lines = [line for line in result.outlines if "new key: lost" in line]
    assert len(lines) == 1
    assert lines[0].startswith("  redis, database 0 has 1 new key: lost (while tests/integration/test_it.py")
    left = [what for test in told(own).values() for what in test.get("left", [])]
    assert set(left) == {"redis, database 0 has 1 new key: lost"}


OUTLIVES = """
import pytest
from redis import Redis

@pytest.fixture(scope="module")
def application(redis):
    return Redis.from_url(redis.url)

def test_other(redis_db): pass

def test_it(application, redis_db):
    application.set("heartbeat", 1)
"""


def test_nobody_is_blamed_for_what_outlives_him(own: Project) -> None:
    """A fixture of the whole module that has the server may change it at any time."""
    own.write(TEST, OUTLIVES)
    result = own.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["left behind:", "  redis, database 0 has 1 new key: heartbeat (while *::test_it ran)"])


def evidence_of(kept: str, isolation: Isolation) -> object:
    """Return the value that a failed test has left under "evidence", by what is told of its part."""
    found = re.fullmatch(r"redis (redis://[\w.:]+/\d+) password in (\S+)(?: prefix (tf_\w+:))?", kept)
    assert found is not None, kept
    url, file, prefix = found.groups()
    assert (prefix is not None) == (isolation is Isolation.PREFIX)
    assert Path(file).stat().st_mode & 0o777 == 0o600
    with driver.Redis.from_url(url, password=Path(file).read_text()) as client:
        return client.get(f"{prefix or ''}evidence")


AGAIN = """
import pytest
from redis import Redis
from urllib.parse import urlsplit, urlunsplit

def test_it(redis, redis_db):
    for number in (0, 9):
        with Redis.from_url(urlunsplit(urlsplit(redis.url)._replace(path=f"/{number}"))) as client:
            assert not client.exists("lost")
            client.set("lost", 1)

def test_fails(redis_db):
    Redis.from_url(redis_db.url).set(redis_db.prefix + "evidence", 1)
    assert 0
"""


@pytest.mark.parametrize("isolation", [*Isolation])
def test_what_is_left_is_told_in_each_run(own: Project, isolation: Isolation) -> None:
    """On a warm server the second run finds what the first one found; what a failed test had stays."""
    own.configure(f"{REDIS_ALONE}\nservices.redis.isolation = '{isolation}'")
    own.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    own.write(TEST, AGAIN)
    kept = []
    try:
        for _ in range(2):
            result = own.spawn("--tier", "integration")
            tests = told(own)
            kept += tests["test_fails"]["kept"]
            if isolation is Isolation.PREFIX:
                assert tests["test_it"]["outcome"] == "passed"
                continue
            assert tests["test_it"]["outcome"] == "error"
            keys = (f"database {number} has 1 new key: lost*" for number in (0, 9))
            result.stdout.fnmatch_lines([f"left-behind: *: redis, {''.join(keys)}"])
        assert [evidence_of(line, isolation) for line in kept] == [b"1", b"1"]
    finally:
        stopped = own.stop_supervisors()
    assert len(stopped) == 1


PREFIXED = """
import pytest
from redis import Redis

@pytest.mark.parametrize("number", range(20))
def test_it(redis_db, number):
    with Redis.from_url(redis_db.url) as client:
        assert client.set(redis_db.prefix + "same", number, nx=True)

def test_fails(redis_db):
    Redis.from_url(redis_db.url).set(redis_db.prefix + "evidence", 1)
    assert 0
"""


@pytest.mark.parametrize("isolation", [*Isolation])
def test_isolation_by_the_settings(own: Project, isolation: Isolation) -> None:
    """Each test has a keyspace of its own, over several workers; that of a failed test is kept, and can be had."""
    own.configure(f"{REDIS_ALONE}\nservices.redis.isolation = '{isolation}'")
    own.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    own.write(TEST, PREFIXED)
    result = own.spawn("--tier", "integration", "-n", "2")
    try:
        counts = own.report("integration")["counts"]
        assert counts == {"passed": 20, "failed": 1, "errors": 0, "skipped": 0}
        (kept,) = [test["kept"][0] for test in own.report("integration")["tests"] if "kept" in test]
        assert kept in " ".join(result.stdout.str().split())
        assert evidence_of(kept, isolation) == b"1"
    finally:
        own.stop_supervisors()


def test_an_isolation_that_there_is_not(project: Project) -> None:
    """The choices are named."""
    project.configure("services.redis.isolation = 'schema'")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*isolation = 'schema' in pyproject.toml*must be one of database, prefix*"])
