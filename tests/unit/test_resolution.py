"""The plain data: what each says, that it survives JSON, and that no secret is ever in its text."""

from __future__ import annotations

import json

import pytest

from test_framework.resolution import (
    Attempt,
    Code,
    Endpoint,
    Kind,
    Reason,
    Refused,
    Resolution,
    Skip,
    hide_secrets,
    is_loopback,
    most_telling,
)

SECRET = "hunter2"
NOT_CONFIGURED = Reason.of(Code.NOT_CONFIGURED, what="a URL for postgres", variables="X")
DISABLED = Reason.of(Code.PROVIDER_DISABLED, provider="staging", source="--providers")
NO_SOCKET = Reason.of(Code.SOCKET_MISSING, host="unix:///nope.sock", source="DOCKER_HOST")
NO_BINARY = Reason.of(Code.BINARY_MISSING, binary="postgres", looked="on the PATH", install="pip install it")
BROKEN = Reason.of(Code.START_FAILED, service="postgres", provider="docker", error="exit 1")
ENDPOINT = Endpoint("postgres", "docker", f"postgresql://app:{SECRET}@127.0.0.1:5433/db", "17.2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql://app:{SECRET}@h:5432/db", "postgresql://app:***@h:5432/db"),
        (f"redis://:{SECRET}@h/0 is down", "redis://:***@h/0 is down"),
        (f"mongodb+srv://a:{SECRET}@h", "mongodb+srv://a:***@h"),
        (f"a://u:{SECRET}@h and b://v:{SECRET}@i", "a://u:***@h and b://v:***@i"),
        (f"postgresql://app:{SECRET}@{SECRET}@h/db", "postgresql://app:***@h/db"),
        (f"nats://{SECRET}@h:4222 is down", "nats://***@h:4222 is down"),
        (f"{{'url': 'https://{SECRET}@h/a'}}", "{'url': 'https://***@h/a'}"),
        (f"host=h password={SECRET} user=u", "host=h password=*** user=u"),
        (f"password='{SECRET} {SECRET}' user=u", "password=*** user=u"),
        (f"PGPASSWORD={SECRET} psql", "PGPASSWORD=*** psql"),
        (f"https://h/?access_token={SECRET}&a=1", "https://h/?access_token=***&a=1"),
        (f"Token: {SECRET}", "Token: ***"),
        (f'connect(password="{SECRET} {SECRET}")', "connect(password=***)"),
        (f'{{"password": "{SECRET}", "user": "u"}}', '{"password": ***, "user": "u"}'),
        (f"{{'client_secret': '{SECRET}'}}", "{'client_secret': ***}"),
    ],
)
def test_secrets_are_hidden_in_any_text(text: str, shown: str) -> None:
    """Passwords and tokens in URLs and in assignments become stars; all else stays."""
    assert hide_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "password authentication failed for user 'app'",
        "http://127.0.0.1:8080/a@b",
        "postgresql://app@h:5432/db",
        "postgresql+psycopg://app@h:5432/db",
        "ssh://me@h: no route to host",
        '["http://h","me@h"]',
        "see http://h?mail=me@h",
        "user@host: no such file",
        "",
    ],
)
def test_text_without_secrets_stays(text: str) -> None:
    """Hiding changes nothing where there is nothing to hide."""
    assert hide_secrets(text) == text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://app:{SECRET}@h:5432/db", "postgresql://app:***@h:5432/db"),
        (f"postgresql://app:{SECRET}@{SECRET}@h/db", "postgresql://app:***@h/db"),
        (f"redis://:{SECRET}@h:6379/3", "redis://:***@h:6379/3"),
        (f"postgresql://h/db?password={SECRET}&sslmode=require", "postgresql://h/db?password=***&sslmode=require"),
        (f"redis://h/0?Password={SECRET}", "redis://h/0?Password=***"),
        (f"postgresql://app:{SECRET}@[::1/db", "postgresql://app:***@[::1/db"),
        (f"nats://{SECRET}@h:4222", "nats://***@h:4222"),
        (f"redis://{SECRET}@h:6379/3", "redis://***@h:6379/3"),
        ("postgresql://app@h/db?passfile=/home/me/pgpass", "postgresql://app@h/db?passfile=/home/me/pgpass"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=/run/postgresql"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
    ],
)
def test_an_endpoint_never_shows_its_password(url: str, shown: str) -> None:
    """In none of its text forms and not in reports, while `url` itself can be used."""
    endpoint = Endpoint("postgres", "explicit", url, "17.2")
    assert endpoint.safe_url == shown
    assert endpoint.url == url
    for text in (str(endpoint), repr(endpoint), f"{endpoint}", json.dumps(endpoint.to_json())):
        assert SECRET not in text


def test_an_endpoint_says_what_it_is() -> None:
    """Its text names service, version, provider and address; a version that is not known is left out."""
    assert str(ENDPOINT) == "postgres 17.2 on docker at postgresql://app:***@127.0.0.1:5433/db"
    assert str(Endpoint("redis", "docker", "redis://h", None)) == "redis on docker at redis://h"


def test_a_url_made_to_be_shown_is_shown() -> None:
    """A URL that works without a secret replaces the one with stars, and is not kept for another database."""
    endpoint = ENDPOINT.at("postgresql://app:x@127.0.0.1/other", "postgresql://app@127.0.0.1/other?passfile=f")
    assert endpoint.safe_url == "postgresql://app@127.0.0.1/other?passfile=f"
    assert endpoint.at(ENDPOINT.url).safe_url == ENDPOINT.safe_url
    assert (endpoint.provider, endpoint.version) == (ENDPOINT.provider, ENDPOINT.version)


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "127.1.2.3", "::1", "db.localhost"])
def test_loopback_hosts(host: str) -> None:
    """These name this machine only."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "db.example.com",
        "10.0.0.1",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "0.0.0.0",  # noqa: S104  # nothing is bound to it
        "1127.0.0.1",
    ],
)
def test_hosts_that_may_be_elsewhere(host: str) -> None:
    """A host that only looks like this machine is not taken for it."""
    assert not is_loopback(host)


def test_a_reason_is_one_line_without_secrets() -> None:
    """Whatever a driver said: its line breaks and its password do not get through."""
    error = f"connection to\n  postgresql://app:{SECRET}@h/db\r\n\tfailed"
    reason = Reason.of(Code.START_FAILED, service="postgres", provider="docker", error=error)
    assert reason.message == "postgres did not start on docker: connection to postgresql://app:***@h/db failed"


def test_braces_in_a_value_are_text() -> None:
    """A value with braces is not taken for a placeholder."""
    assert Reason.of(Code.SKIPPED_BY_TEST, text="{where} {0} {", where="x.py:1").message == "{where} {0} {"


def test_a_refusal_reads_like_its_reason() -> None:
    """The exception's text is the code and the message; the log stays apart."""
    refused = Refused(NO_SOCKET, "the log")
    assert str(refused) == str(NO_SOCKET) == f"socket-missing: {NO_SOCKET.message}"
    assert refused.log == "the log"


@pytest.mark.parametrize("reason", [NO_SOCKET, BROKEN])
def test_a_reason_survives_json(reason: Reason) -> None:
    """What is read back equals what was written, its code and kind being members again."""
    read = Reason.from_json(json.loads(json.dumps(reason.to_json())))
    assert read == reason
    assert isinstance(read.code, Code)
    assert isinstance(read.kind, Kind)


def test_what_goes_into_reports_is_plain() -> None:
    """Only built-in types: execnet, which carries reports between workers, refuses every subclass of them."""
    resolution = Resolution("postgres", ENDPOINT, (Attempt("explicit", NO_SOCKET, 0.1), Attempt("docker", None, 0.2)))

    def types(value: object) -> set[type]:
        if isinstance(value, dict):
            return {type(value)}.union(*map(types, value), *map(types, value.values()))
        if isinstance(value, list | tuple):
            return {type(value)}.union(*map(types, value))
        return {type(value)}

    assert types([resolution.to_json(), NO_SOCKET.to_json()]) <= {dict, list, str, float, type(None)}


@pytest.mark.parametrize("attempt", [Attempt("docker", NO_SOCKET, 0.25), Attempt("docker", None, 1.5)])
def test_an_attempt_survives_json(attempt: Attempt) -> None:
    """Without its log, which goes beside it where it is wanted."""
    told = attempt.to_json()
    assert list(told) == ["provider", "code", "kind", "message", "remedy", "seconds"]
    assert Attempt.from_json(json.loads(json.dumps(told))) == attempt
    assert Attempt.from_json({**told, "log": "FATAL"}).log == "FATAL"


def test_a_provider_switched_off_names_what_did_it() -> None:
    """The reason names the provider and the option or variable, and took no time."""
    attempt = Attempt.switched_off("docker", "--no-docker")
    assert attempt.reason == Reason.of(Code.PROVIDER_DISABLED, provider="docker", source="--no-docker")
    assert "docker" in attempt.reason.message
    assert "--no-docker" in attempt.reason.message
    assert attempt.seconds == 0


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ([], None),
        ([None], None),
        ([NOT_CONFIGURED, NO_SOCKET, NO_BINARY], NO_SOCKET),
        ([DISABLED, NOT_CONFIGURED], DISABLED),
        ([None, NOT_CONFIGURED, DISABLED, NO_BINARY], NO_BINARY),
    ],
)
def test_the_most_telling_reason(reasons: list[Reason | None], told: Reason | None) -> None:
    """The first provider that could have worked; one that nobody configured only when there is no other."""
    assert most_telling(reasons) is told


def test_a_broken_attempt_is_told_first() -> None:
    """It is what must be mended, whatever the other providers said before."""
    attempts = (Attempt("explicit", NO_SOCKET, 0), Attempt("docker", BROKEN, 0))
    resolution = Resolution("postgres", None, attempts)
    assert resolution.broken is attempts[1]
    assert resolution.reason is BROKEN


def test_a_resolution_with_an_endpoint_has_no_reason() -> None:
    """Attempts that did not give it are told by `why`, each with its provider."""
    resolution = Resolution("postgres", ENDPOINT, (Attempt("explicit", NOT_CONFIGURED, 0), Attempt("docker", None, 0)))
    assert resolution.broken is None
    assert resolution.reason is None
    assert resolution.why() == f"explicit: {NOT_CONFIGURED}"
    assert resolution.to_json()["provider"] == "docker"
    assert resolution.to_json()["version"] == "17.2"


def test_a_resolution_without_an_endpoint_names_no_provider() -> None:
    """Provider and version are null, and every attempt is there."""
    told = Resolution("postgres", None, (Attempt("docker", NO_SOCKET, 0),)).to_json()
    assert (told["provider"], told["version"]) == (None, None)
    assert [a["code"] for a in told["attempts"]] == ["socket-missing"]


def test_a_skip_has_four_fields() -> None:
    """Which test, the code, the line and the remedy."""
    told = Skip("t.py::t", "socket-missing", "no socket", "Start it.").to_json()
    assert told == {"nodeid": "t.py::t", "code": "socket-missing", "message": "no socket", "remedy": "Start it."}
