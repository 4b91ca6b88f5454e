"""What a command is told of its servers, by the variables that it reads."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from test_framework import providers, services
from test_framework.config import BadSetting
from test_framework.config.fields import OF_A_SERVICE
from test_framework.contracts import Dedicated
from test_framework.exec.variables import Template, environment, fields_of
from test_framework.reach import refuse_remote
from test_framework.resolution import Code, Endpoint, Refused
from test_framework.supervisor.dedicated import describe_listener, on_free_port, why_taken

POSTGRES = Endpoint("postgres", "embedded", "postgresql://postgres:s3cret@127.0.0.1:40001/test", "17.2")
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # it is the case that somebody does
REDIS = Endpoint("redis", "embedded", "redis://:s3cret@127.0.0.1:40002/0", "7.4.1")


def test_the_usual_variables() -> None:
    """Of Postgres those of libpq, of all others three with the name of the service."""
    clickhouse = Endpoint("clickhouse", "docker", "http://default:s3cret@127.0.0.1:40003/default", "25.8")
    endpoints = {"postgres": POSTGRES, "redis": REDIS, "clickhouse": clickhouse}
    assert environment({"HOME": "/root"}, endpoints, ()) == {
        "HOME": "/root",
        "DATABASE_URL": "postgresql://postgres:s3cret@127.0.0.1:40001/test",
        "PGHOST": "127.0.0.1",
        "PGPORT": "40001",
        "PGUSER": "postgres",
        "PGPASSWORD": "s3cret",
        "PGDATABASE": "test",
        "REDIS_URL": "redis://default:s3cret@127.0.0.1:40002/0",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": "40002",
        "CLICKHOUSE_URL": "http://default:s3cret@127.0.0.1:40003/default",
        "CLICKHOUSE_HOST": "127.0.0.1",
        "CLICKHOUSE_PORT": "40003",
    }


@pytest.mark.parametrize(
    ("url", "version", "provider", "expected"),
    [
        ("redis://:s3cret@127.0.0.1:1/0", "7.4.1", "docker", "redis://default:s3cret@127.0.0.1:1/0"),
        ("redis://127.0.0.1:1/0", "7.4.1", "docker", "redis://127.0.0.1:1/0"),
        ("redis://:s3cret@127.0.0.1:1/0", "5.0.14", "embedded", "redis://:s3cret@127.0.0.1:1/0"),
        ("redis://:s3cret@127.0.0.1:1/0", "7.4.1", "explicit", "redis://:s3cret@127.0.0.1:1/0"),
    ],
)
def test_the_user_of_redis(url: str, version: str, provider: str, expected: str) -> None:
    """It is named where there are users, the server is ours, and it has a password."""
    assert fields_of(Endpoint("redis", provider, url, version))["url"] == expected


@pytest.mark.parametrize(
    ("service", "url", "expected"),
    [
        ("postgres", "postgresql://u%40x:p%2Fw@localhost/app", ("localhost", "5432", "u@x", "p/w", "app")),
        ("redis", "redis://localhost", ("localhost", "6379", "", "", "")),
        ("clickhouse", "http://[::1]", ("::1", "8123", "", "", "")),
        ("backend", "https://localhost/api", ("localhost", "443", "", "", "api")),
    ],
)
def test_fields_of_a_url_that_somebody_has_set(service: str, url: str, expected: tuple[str, ...]) -> None:
    """They are as the server knows them, without the URL's escapes; a port that is not named is the usual one."""
    found = fields_of(Endpoint(service, "explicit", url, "1"))
    assert (found["url"], *(found[name] for name in OF_A_SERVICE[1:])) == (url, *expected)


def test_what_leads_elsewhere() -> None:
    """Where Postgres is asked for, it is left out; how to speak to a server of somebody else's is not."""
    env = {"PGHOSTADDR": "192.0.2.1", "PGSSLMODE": "require", "PGOPTIONS": "-c geqo=off"}
    explicit = Endpoint("postgres", "explicit", POSTGRES.url, "17.2")
    assert environment(env, {"redis": REDIS}, ()).items() >= env.items()
    assert {"PGHOSTADDR", "PGSSLMODE"}.isdisjoint(environment(env, {"postgres": POSTGRES}, ()))
    assert environment(env, {"postgres": POSTGRES}, ())["PGOPTIONS"] == "-c geqo=off"
    assert "PGSSLMODE" in environment(env, {"postgres": explicit}, ())
    assert "PGHOSTADDR" not in environment(env, {"postgres": explicit}, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=", ""),
        ("A=plain=text", "plain=text"),
        ("A={postgres.host}:{postgres.port}", "127.0.0.1:40001"),
        ("A={{{postgres.user}}}", "{postgres}"),
        ("A={redis.password} {postgres.database}", "s3cret test"),
        ('A={{"host": "{postgres.host}"}}', '{"host": "127.0.0.1"}'),
    ],
)
def test_templates(text: str, expected: str) -> None:
    """A template is text with fields, and wins over a usual variable."""
    template = Template.of(text, ("postgres", "redis"))
    assert environment({"A": "old"}, {"postgres": POSTGRES, "redis": REDIS}, (template,))["A"] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A={postgres.hots}", "unknown field 'postgres.hots' in --env A. Did you mean 'postgres.host'?"),
        ("A={redis.url}", "unknown field 'redis.url' in --env A."),
        ("A={}", "unknown field in --env A. Choices: postgres.database, "),
        ("A={postgres.port:>9}", "field 'postgres.port' in --env A must not have a format or a conversion. Write"),
        ("A={postgres.port!r}", "field 'postgres.port' in --env A must not have a format or a conversion. Write"),
        ("A={postgres.port", "--env A cannot be read"),
        ("A=}", "--env A cannot be read"),
        ("A", "--env = '***' in the command line must be NAME=TEMPLATE"),
        ("=x", "--env = '' in the command line must be NAME=TEMPLATE"),
        ("A B=x", "--env = '***' in the command line must be NAME=TEMPLATE"),
    ],
)
def test_templates_that_are_none(text: str, said: str) -> None:
    """The error names the variable, and what could be in its template."""
    with pytest.raises(BadSetting) as caught:
        Template.of(text, ("postgres",))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        "A=hunter2{nope}",
        'CONFIG={"token": "hunter2", "dsn": "{postgres.url}"}',
        "A={token:hunter2}",
        "A={postgres.port:hunter2}",
        "A={nope!h}{hunter2 it is}",
        "A={postgres.port!hunter2}",
        "A=hunter2{",
        "postgres://u:hunter2@h/db",
        "postgres://u:hunter2@h/db?sslmode=disable",
    ],
)
def test_a_template_is_not_shown(text: str) -> None:
    """Beside a field there may be a secret, in what follows it, in what only looks like one, and in a lost name."""
    with pytest.raises(BadSetting) as caught:
        Template.of(text, ("postgres",))
    assert "hunter2" not in str(caught.value)
    assert "{{ and }}" in str(caught.value) or "NAME=TEMPLATE" in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "host", "refused"),
    [
        ("explicit", "db.example", True),
        ("staging", "db.example", True),
        ("staging", "localhost", True),
        ("explicit", "localhost", False),
        ("docker", "engine.example", False),
        ("embedded", "127.0.0.1", False),
    ],
)
def test_nothing_that_writes_reaches_others(provider: str, host: str, *, refused: bool) -> None:
    """A server of staging, and an explicit one on another machine, is not for a command of which nothing is known."""
    remote = host if provider == "explicit" and host != "localhost" else ""
    endpoint = Endpoint("redis", provider, f"redis://{host}:1/0", "7.4.1", remote=remote)
    if not refused:
        refuse_remote(endpoint)
        return
    with pytest.raises(Refused) as caught:
        refuse_remote(endpoint)
    assert caught.value.reason.code is Code.DESTRUCTIVE


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", _EVERYWHERE])
def test_a_port_that_is_taken(host: str) -> None:
    """By either of the addresses that `localhost` may be; as soon as nobody listens there, it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        assert family is socket.AF_INET6, "only IPv6 may be missing"
        return
    port = server.getsockname()[1]
    with closing(server):
        assert why_taken(port)
        if sys.platform == "linux":
            assert describe_listener(port).endswith(f"(process {os.getpid()})")
    assert why_taken(port) is None
    assert describe_listener(port) == ""


def test_a_port_that_is_taken_ends_it_before_the_start() -> None:
    """The reason names the port and who has it; a port that is free, or any, begins the block."""
    redis, way = services.get("redis"), providers.get("embedded")
    with on_free_port(redis, way, Dedicated()), on_free_port(redis, way, None):
        begun = True
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port}") as caught, on_free_port(redis, way, Dedicated(port=port)):
            begun = False
    assert (begun, caught.value.reason.code) == (True, Code.PORT_TAKEN)


@pytest.mark.needs("root")
def test_a_port_of_another_user() -> None:
    """A process that we may not look into is told by its user."""
    code = """
import encodings.ascii, os, sys
from test_framework.supervisor.dedicated import describe_listener
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(describe_listener(int(sys.argv[1])))
"""
    # What it reads of Python's own has to be read before it becomes somebody who may not.
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = str(server.getsockname()[1])
        told = subprocess.run([sys.executable, "-c", code, port], capture_output=True, text=True, check=True).stdout
    assert told == "a process of user root\n"
