"""Where an address leads: taken apart once, looked up once, and handed on so that it leads nowhere else."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from test_framework import reach
from test_framework.reach import AmbiguousURL, allows, check_allowed, libpq, parse_url, why_not_write
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

FAR = "198.51.100.7"
NAMES = {
    "localhost": ["127.0.0.1"],
    "both.localhost": ["127.0.0.1", FAR],
    "six.localhost": ["::1", "127.0.0.1"],
    "mapped.localhost": [f"::ffff:{FAR}"],
    "foo.localhost": [FAR],
    "db.near.example": ["127.0.0.1"],
    "db.far.example": [FAR],
}
USER = "somebody"


class Asked:
    """A resolver that knows `NAMES`, and what it was asked."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, host: str, port: int, source: str) -> list[tuple[Any, ...]]:
        """Answer as `net.resolve`."""
        self.names.append(host)
        if host.lower() not in NAMES:
            raise Refused(Reason.of(Code.NAME_UNRESOLVED, host=host, error="there is none", source=source))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in NAMES[host.lower()]]


@pytest.fixture(autouse=True)
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpq, "_user", lambda: USER)


def reached(url: str, *allowed: str, env: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the URL that is handed on, and the host elsewhere."""
    found = reach.reach(parse_url(url, env or {}), "VARIABLE", allowed, Asked())
    return found.url, found.remote


@pytest.mark.parametrize(
    ("url", "handed_on"),
    [
        ("postgresql://app@127.0.0.1:5433/db", "postgresql://app@127.0.0.1:5433/db"),
        ("postgresql://app@localhost:5433/db", "postgresql://app@127.0.0.1:5433/db"),
        ("postgresql://app@LOCALHOST/db", "postgresql://app@127.0.0.1:5432/db"),
        ("postgres://[::1]/db", f"postgres://{USER}@[::1]:5432/db"),
        ("postgresql+psycopg://app@localhost/db", "postgresql+psycopg://app@127.0.0.1:5432/db"),
        ("postgresql://app@/db", "postgresql://app@/db?host=/var/run/postgresql&port=5432"),
        ("postgresql:///db?host=/run/pg&port=5433", f"postgresql://{USER}@/db?host=/run/pg&port=5433"),
        ("postgresql://app@%2Frun%2FPG:5433/db", "postgresql://app@/db?host=/run/PG&port=5433"),
        ("postgresql://localhost", f"postgresql://{USER}@127.0.0.1:5432/{USER}"),
        ("postgresql://localhost?user=a%20b&password=p%26&dbname=d", "postgresql://a%20b:p%26@127.0.0.1:5432/d"),
        ("postgresql://app@db.invalid/db?host=127.0.0.1", "postgresql://app@127.0.0.1:5432/db"),
        ("postgresql://app@localhost/db?hostaddr=127.0.0.2", "postgresql://app@127.0.0.2:5432/db"),
        ("postgresql://app:p%40%2F@localhost/db?options=-c%20a%3D1+2", "postgresql://app:p%40%2F@127.0.0.1:5432/db"),
        ("postgresql://app@localhost/db?sslmode=verify-full", "postgresql://app@localhost:5432/db?sslmode=verify-full"),
        ("redis://:secret@localhost/3", "redis://:secret@127.0.0.1:6379/3"),
        ("redis:///3", "redis://127.0.0.1:6379/3"),
        ("rediss://localhost:1/0", "rediss://localhost:1/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("unix://far.example/run/redis.sock", "unix://far.example/run/redis.sock"),
        ("http://localhost:8123/db", "http://localhost:8123/db"),
        ("nats://localhost:4222", "nats://127.0.0.1:4222"),
        ("nats://token@localhost", "nats://token@127.0.0.1"),
        ("sqlite:///a/file.db", "sqlite:///a/file.db"),
    ],
)
def test_an_address_of_this_machine(url: str, handed_on: str) -> None:
    """What is handed on names the address that was looked up, and all that a client would look for elsewhere.

    A name stays where the server is chosen by it or shows a certificate for it.
    """
    found, remote = reached(url)
    assert found.replace("?options=-c%20a%3D1%2B2", "") == handed_on
    assert remote == ""


ELSEWHERE = {
    "postgresql://app@foo.localhost/db": "foo.localhost (198.51.100.7)",
    "postgresql://app@both.localhost/db": "both.localhost (198.51.100.7)",
    "postgresql://app@mapped.localhost/db": "mapped.localhost (::ffff:198.51.100.7)",
    "postgresql://app@db.far.example/db": "db.far.example",
    "postgresql://app@db.near.example/db": "db.near.example",
    f"postgresql://app@{FAR}/db": FAR,
    f"postgresql://app@localhost/db?host={FAR}": FAR,
    f"postgresql://app@localhost/db?hostaddr={FAR}": FAR,
    f"postgresql:///db?host=/run/pg&hostaddr={FAR}": FAR,
    "postgresql://app@127.0.0.1.far.example/db": "127.0.0.1.far.example",
    "postgresql://app@xlocalhost/db": "xlocalhost",
    "postgresql+psycopg://app@localhost/db?host=db.far.example": "db.far.example",
    "redis://foo.localhost/0": "foo.localhost",
    f"redis:///0?host={FAR}": FAR,
    "rediss://both.localhost/0": "both.localhost",
    "http://foo.localhost:8123": "foo.localhost",
    "https://db.near.example": "db.near.example",
    "ws://foo.localhost/ws": "foo.localhost",
    "nats://foo.localhost": "foo.localhost",
    "mysql://localhost/db?host=db.far.example": "db.far.example",
    "redis://0.0.0.0/0": "0.0.0.0",  # noqa: S104  # nothing is bound to it
    f"redis://[::ffff:{FAR}]/0": f"::ffff:{FAR}",
}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_address_elsewhere_is_refused(url: str) -> None:
    """With the host that is not here, its address where that is the news, and the variable."""
    with pytest.raises(Refused) as caught:
        reached(url, "allowed.example")
    assert caught.value.reason.code is Code.HOST_NOT_ALLOWED
    assert caught.value.reason.message.startswith(ELSEWHERE[url])
    assert all(part in caught.value.reason.message for part in ("VARIABLE", "allowed_hosts"))


@pytest.mark.parametrize(
    ("url", "allowed", "handed_on", "remote"),
    [
        ("postgresql://app@DB.far.example", "*.FAR.example", "postgresql://app@DB.far.example:5432/app", True),
        ("postgresql://app@db.near.example/db", "*.example", "postgresql://app@127.0.0.1:5432/db", False),
        ("http://db.near.example/", "*.example", "http://db.near.example/", True),
        (f"redis://{FAR}/0", FAR, f"redis://{FAR}/0", True),
        ("postgresql://app@foo.localhost/db", "foo.localhost", "postgresql://app@foo.localhost:5432/db", True),
    ],
)
def test_a_host_that_is_allowed(url: str, allowed: str, handed_on: str, *, remote: bool) -> None:
    """It counts as another machine's, unless its address is of this one and no client looks it up once more."""
    found, host = reached(url, allowed)
    assert found == handed_on
    assert bool(host) is remote


def test_one_of_two_hosts_that_is_allowed_is_not_enough() -> None:
    """Each has to be."""
    with pytest.raises(Refused, match=FAR):
        reached(f"postgresql://app@db.far.example/db?hostaddr={FAR}", "db.far.example")
    found, remote = reached(f"postgresql://app@db.far.example/db?hostaddr={FAR}", "db.far.example", FAR)
    assert (found, remote) == (f"postgresql://app@db.far.example:5432/db?hostaddr={FAR}", "db.far.example")


@pytest.mark.parametrize("scheme", ["redis", "http", "postgresql"])
def test_nobody_is_asked_for_a_host_that_is_not_allowed(scheme: str) -> None:
    """Not even for its address; nor for one that is an address already."""
    asked = Asked()
    with pytest.raises(Refused):
        reach.reach(parse_url(f"{scheme}://db.far.example", {}), "VARIABLE", ["far.example"], asked)
    with pytest.raises(Refused):
        reach.reach(parse_url(f"{scheme}://{FAR}", {}), "VARIABLE", [], asked)
    check_allowed(parse_url(f"{scheme}://db.far.example", {}), "VARIABLE", ["*.example"], asked)
    assert asked.names == []


def test_a_name_of_this_machine_that_cannot_be_resolved() -> None:
    """It is told as such, since no setting would help."""
    with pytest.raises(Refused) as caught:
        reached("redis://other.localhost")
    assert caught.value.reason.code is Code.NAME_UNRESOLVED


@pytest.mark.parametrize(
    ("pattern", "host", "allowed"),
    [
        ("example.org", "example.org", True),
        ("Example.ORG", "eXample.org.", True),
        ("*.example.org", "a.b.Example.org", True),
        ("example.org", "evil-example.org", False),
        ("example.org", "a.example.org", False),
        ("example.org", "example.org.evil", False),
        ("*.example.org", "example.org", False),
        ("10.0.0.?", "10.0.0.12", False),
    ],
)
def test_a_pattern_is_for_the_whole_name(pattern: str, host: str, *, allowed: bool) -> None:
    """And case does not count, as in DNS."""
    assert allows(["other", pattern], host) is allowed


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql:///?service=prod", "service"),
        ("postgresql:///?servicefile=/x&service=prod", "service"),
        (f"postgresql:///db?host=/nonexistent,{FAR}", "several hosts"),
        (f"postgresql:///db?hostaddr=127.0.0.1,{FAR}", "several hosts"),
        ("postgresql://127.0.0.1:1,hunter2:2/db", "several hosts"),
        ("postgresql://%2Frun,hunter2/db", "several hosts"),
        (f"postgresql://localhost?hunter2@{FAR}/db", "%40"),
        (f"postgresql://localhost/hunter2@{FAR}/db", "%40"),
        (f"postgresql://app:hunter2@localhost@{FAR}/db", "%40"),
        (f"postgresql://localhost/db#hunter2?host={FAR}", "%23"),
        ("postgresql://app:hunter2/x@localhost/db", "%2F"),
        ("postgresql://app@localhost:0/db", "port"),
        ("postgresql://app@localhost/db?port=hunter2", "port"),
        ("postgresql://app@local host/db", "%20"),
        ("postgresql://app@local%20host/db", "neither a name nor an address"),
        (f"http://127.0.0.1\\@{FAR}/", "%5C"),
        (f"http://127.0.0.1\t.{FAR}/", "%09"),
        ("http:///hunter2", "names no host"),
        ("mongodb://127.0.0.1:1,hunter2:2/", "several hosts"),
        ("unix:run.sock", "names no socket"),
        (f"redis://localhost/0?x@{FAR}", "%40"),
        ("redis://[::1", "cannot be taken apart"),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused(url: str, told: str) -> None:
    """Parsers differ in it, or a file says which server it is; what it says is not shown, as it may be a password."""
    with pytest.raises(AmbiguousURL, match=told) as caught:
        parse_url(url, {})
    assert "hunter2" not in str(caught.value)


def test_a_password_of_the_environment_is_in_the_url() -> None:
    """A URL without one is completed by it, so that no client looks for it; one that has a password keeps it."""
    env = {"PGPASSWORD": "a b", "PGPASSFILE": "/a/file"}
    assert reached("postgresql://app@localhost/db", env=env)[0] == "postgresql://app:a%20b@127.0.0.1:5432/db"
    assert "own@" in reached("postgresql://app:own@localhost/db", env=env)[0]
    (found, _) = reached("postgresql://app@localhost/db", env={"PGPASSFILE": "/a/file"})
    assert found == "postgresql://app@127.0.0.1:5432/db?passfile=/a/file"


def test_what_is_demanded_of_another_machine_is_in_its_url() -> None:
    """A verified certificate is asked for there and not of this machine; the URL's own word counts more."""
    env = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca.pem", "PGHOST": FAR, "PGUSER": "x", "PGSERVICE": "x"}
    found, _ = reached("postgresql://app@db.far.example/db", "db.far.example", env=env)
    assert found == "postgresql://app@db.far.example:5432/db?sslmode=verify-full&sslrootcert=/ca.pem"
    found, _ = reached("postgresql://app@db.far.example/db?sslmode=require", "db.far.example", env=env)
    assert "sslmode=require" in found
    assert reached("postgresql://app@localhost/db", env=env)[0] == "postgresql://app@127.0.0.1:5432/db"


@pytest.mark.parametrize(
    ("provider", "remote", "refused"),
    [
        ("explicit", "db.example", True),
        ("staging", "db.example", True),
        ("staging", "", True),
        ("explicit", "", False),
        ("docker", "", False),
        ("embedded", "", False),
    ],
)
def test_what_may_not_be_written_to(provider: str, remote: str, *, refused: bool) -> None:
    """All of staging, and what somebody else runs on another machine."""
    reason = why_not_write(Endpoint("redis", provider, "redis://h:1/0", None, remote=remote))
    assert (reason is not None) is refused
    if reason:
        assert reason.code is Code.DESTRUCTIVE


def test_the_environment_is_as_before_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What leads libpq elsewhere is gone meanwhile, the rest stays; what is set meanwhile stays as well."""
    monkeypatch.setenv("PGSERVICE", "prod")
    monkeypatch.setenv("PGOPTIONS", "-c a=1")
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGPASSWORD", "x")
    monkeypatch.setenv("PGTZ", "UTC")
    with libpq.ignore_libpq_variables():
        assert not {"PGSERVICE", "PGOPTIONS", "PGSSLMODE"} & set(os.environ)
        assert (os.environ["PGPASSWORD"], os.environ["PGTZ"]) == ("x", "UTC")
        os.environ["PGOPTIONS"] = "-c b=2"
        with libpq.ignore_libpq_variables():
            assert "PGOPTIONS" not in os.environ
    assert (os.environ["PGSERVICE"], os.environ["PGSSLMODE"]) == ("prod", "require")
    assert os.environ["PGOPTIONS"] == "-c b=2"
