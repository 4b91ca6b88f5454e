"""`options` of Postgres and Redis: what is read, what is refused, and what reaches the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, load
from test_framework.contracts import Binary, Dedicated, Launch, RunAs
from test_framework.services.postgres import SERVICE as POSTGRES
from test_framework.services.redis import SERVICE as REDIS
from test_framework.supervisor.address import SupervisorAddress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read(root: Path, service: str, options: str, env: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return the options of a service that a file says."""
    (root / "pyproject.toml").write_text(f"[tool.test_framework.services.{service}]\noptions = {options}\n")
    return load(root, env or {}).service(service).options


def test_values_are_told_as_the_server_spells_them(tmp_path: Path) -> None:
    """Texts, numbers and booleans; Postgres reads names with either kind of line, and both without capitals."""
    postgres = '{ WAL-level = "logical", max_connections = 50, jit = false, random_page_cost = 1.1, "a.b" = "" }'
    assert read(tmp_path, "postgres", postgres) == {
        "wal_level": "logical",
        "max_connections": "50",
        "jit": "off",
        "random_page_cost": "1.1",
        "a.b": "",
    }
    redis = '{ MaxMemory = "100mb", notify-keyspace-events = "KEA", activedefrag = true }'
    assert read(tmp_path, "redis", redis) == {
        "maxmemory": "100mb",
        "notify-keyspace-events": "KEA",
        "activedefrag": "yes",
    }


def test_a_variable_takes_the_place_of_the_file(tmp_path: Path) -> None:
    """It is read as the variables of other tables are."""
    env = {"TEST_FRAMEWORK_POSTGRES_OPTIONS": "wal_level=logical, jit=off"}
    assert read(tmp_path, "postgres", "{ fsync = true }", env) == {"wal_level": "logical", "jit": "off"}


@pytest.mark.parametrize(
    ("service", "options", "told"),
    [
        ("postgres", "'wal_level'", ["options = 'wal_level'", "a table of settings"]),
        ("postgres", "{ wal_level = ['x'] }", ["options.wal_level = ['x']", "a string, a number, true or false"]),
        ("postgres", "{ wal_level = nan }", ["options.wal_level = nan", "a string, a number, true or false"]),
        ("postgres", "{ wal_level = 2020-01-01 }", ["options.wal_level", "a string, a number, true or false"]),
        ("postgres", "{ auto_explain.log = 1 }", ["options.auto_explain", '"auto_explain.log" = …']),
        ("postgres", "{ 'a=b' = 1 }", ["the name of an option = 'a=b'", "a setting of postgres"]),
        ("postgres", "{ jit = true, JIT = true }", ["has jit twice"]),
        ("postgres", '{ search_path = "a\\nb" }', ["options.search_path", "control characters"]),
        ("redis", '{ maxmemory = "1mb\\nport 1" }', ["options.maxmemory", "control characters"]),
        ("redis", '{ maxmemory = "1mb --port 1" }', ["options.maxmemory", "other settings"]),
        ("redis", '{ maxmemory = "\'1mb" }', ["options.maxmemory", "a valid value for redis.conf"]),
        ("redis", "{ 'a b' = 1 }", ["the name of an option = 'a b'", "a setting of redis"]),
    ],
)
def test_a_value_that_is_none_is_refused(tmp_path: Path, service: str, options: str, told: list[str]) -> None:
    """One error names it, where it came from, and what it could be."""
    with pytest.raises(BadSetting) as caught:
        read(tmp_path, service, options)
    for text in (*told, f"pyproject.toml [tool.test_framework.services.{service}]"):
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("service", "name", "why"),
    [
        *(("postgres", name, "free port") for name in ("port", "listen_addresses", "Listen-Addresses", "bonjour")),
        *(("postgres", name, "Unix socket") for name in ("unix_socket_directories", "unix_socket_permissions")),
        *(("postgres", name, "temporary folder") for name in ("data_directory", "hba_file", "external_pid_file")),
        *(("postgres", name, "TLS") for name in ("ssl", "ssl_passphrase_command")),
        *(("postgres", name, "log in") for name in ("db_user_namespace", "role", "session_authorization")),
        *(("postgres", name, "standard output") for name in ("logging_collector", "log_destination")),
        *(("postgres", name, "shared memory") for name in ("dynamic_shared_memory_type", "shared_memory_type")),
        ("postgres", "lc_messages", "English"),
        ("postgres", "default_transaction_read_only", "a database"),
        ("postgres", "track_counts", "counters"),
        *(("postgres", name, "secret") for name in ("primary_conninfo", "app.jwt_secret", "app.api-key")),
        *(("redis", name, "free port") for name in ("port", "BIND", "rdma-port")),
        *(("redis", name, "Unix socket") for name in ("unixsocket", "unixsocketperm")),
        *(("redis", name, "temporary folder") for name in ("dir", "pidfile", "include")),
        *(("redis", name, "TLS") for name in ("tls-port", "tls-key-file-pass")),
        *(("redis", name, "log in") for name in ("user", "aclfile", "masteruser", "protected-mode")),
        *(("redis", name, "secret") for name in ("requirepass", "masterauth")),
        *(("redis", name, "standard output") for name in ("logfile", "daemonize", "supervised")),
        *(("redis", name, "databases") for name in ("databases", "cluster-enabled")),
        *(("redis", name, "write") for name in ("replicaof", "slaveof", "min-replicas-to-write")),
        ("redis", "rename-command", "commands"),
        ("redis", "timeout", "connection"),
    ],
)
def test_what_tests_rely_on_stays(tmp_path: Path, service: str, name: str, why: str) -> None:
    """An option that would undo it is refused with the reason, and its value is not shown."""
    with pytest.raises(BadSetting) as caught:
        read(tmp_path, service, f"{{ '{name}' = 'v4lue' }}")
    text = str(caught.value)
    assert f"option {name!r} in pyproject.toml [tool.test_framework.services.{service}] cannot be set" in text
    assert why in text
    assert "v4lue" not in text


def test_a_value_with_a_secret_is_refused(tmp_path: Path) -> None:
    """Every user of the machine can read a command line."""
    with pytest.raises(BadSetting, match="may hold a secret") as caught:
        read(tmp_path, "postgres", '{ archive_command = "curl https://me:s3cret@example.org/" }')
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("table", ["clickhouse", "queue"])
def test_services_without_options_say_who_has_them(tmp_path: Path, table: str) -> None:
    """A program of the user's own gets its settings by its command or its files."""
    with pytest.raises(BadSetting, match=r"unknown key 'options' in .*It is a key of postgres and redis"):
        read(tmp_path, table, "{ a = 1 }")


def test_other_options_are_another_server(tmp_path: Path) -> None:
    """The runs of a project share servers as long as these would be started alike."""

    def address(options: str) -> SupervisorAddress:
        read(tmp_path, "postgres", options)
        return SupervisorAddress.of(load(tmp_path, {}), {})

    assert address("{ jit = true }") == address("{ jit = 'on' }") != address("{ jit = false }")


_OWN = Dedicated()


@pytest.mark.parametrize("dedicated", [None, _OWN], ids=["shared", "dedicated"])
def test_postgres_has_them_in_a_container(dedicated: Dedicated | None) -> None:
    """They win over what makes tests fast."""
    launch = Launch("s3cret", dedicated=dedicated, options={"fsync": "on", "wal_level": "logical"})
    command = POSTGRES.container(launch).command
    assert [word for word in command if word.startswith(("fsync", "wal_level"))] == ["fsync=on", "wal_level=logical"]


def test_redis_has_them_everywhere(tmp_path: Path) -> None:
    """A value of several words is one in redis.conf, and several on a command line; one in quotes is one in both."""
    options = {"save": "60 1", "proc-title-template": '"{title} \\"x\\""', "maxmemory": "1mb"}
    launch = Launch("s3cret", options=options)
    command = REDIS.container(launch).command
    for name, words in (("save", ("60", "1")), ("maxmemory", ("1mb",)), ("proc-title-template", ('{title} "x"',))):
        at = command.index(f"--{name}")
        assert command[at + 1 : at + 1 + len(words)] == words
    made = REDIS.prepare(Binary(tmp_path, "8.0", "PATH"), tmp_path, 1, launch, RunAs())
    lines = made.stdin.splitlines()
    assert 'save "60" "1"' in lines
    assert 'proc-title-template "{title} \\"x\\""' in lines
    assert 'maxmemory "1mb"' in lines
    assert "maxmemory" not in " ".join(made.argv)
    empty = REDIS.prepare(Binary(tmp_path, "8.0", "PATH"), tmp_path, 1, Launch("s3cret"), RunAs())
    assert 'save ""' in empty.stdin.splitlines()
