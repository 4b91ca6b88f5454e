"""The command line and the settings."""

from __future__ import annotations

import json
import os
import socket
import threading

import psycopg
import pytest
from harness.servers import KEY, Start, wait_until

from reference_backend.cli import main
from reference_backend.storage import schema
from reference_backend.storage.migrations import LOCK


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the variables of a backend that is not reached; return what changes them."""
    for name in list(os.environ):
        if name.startswith("BACKEND_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:a-password@127.0.0.1:1/x")
    monkeypatch.setenv("REDIS_URL", "redis://:a-password@127.0.0.1:1")
    monkeypatch.setenv("BACKEND_ENVIRONMENT", "staging")
    monkeypatch.setenv("BACKEND_IDENTITY_PROVIDER", "true")
    monkeypatch.setenv("BACKEND_SECRET_KEY", KEY)
    return monkeypatch


def test_migrate(
    variables: pytest.MonkeyPatch, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command makes the schema; a second time it does nothing; a newer one is an error."""
    variables.setenv("DATABASE_URL", environment["DATABASE_URL"])
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        for before in ("-", "0001"):
            assert main(["migrate"]) == 0
            assert json.loads(capsys.readouterr().out)["before"] == before
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (0,)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert main(["migrate"]) == 1
    assert "9999" in capsys.readouterr().err


def test_one_process_migrates_at_a_time(environment: dict[str, str]) -> None:
    """Whoever comes second waits until the first is done, and then finds that there is nothing to do."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as first:
        first.execute("DROP SCHEMA public CASCADE")
        first.execute("CREATE SCHEMA public")
        first.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        second = threading.Thread(target=schema.migrate, args=[environment["DATABASE_URL"]])
        second.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: first.execute(waiting).fetchone() == (1,), "the second waits")
        assert first.execute("SELECT to_regclass('messages')").fetchone() == (None,)
        first.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        second.join(10)
        assert first.execute("SELECT to_regclass('messages')::text").fetchone() == ("messages",)


@pytest.mark.usefixtures("variables")
def test_a_server_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    """The command says why it failed, without the password."""
    assert main(["migrate"]) == 1
    told = capsys.readouterr()
    assert "127.0.0.1" in told.err
    assert "a-password" not in told.err + told.out


@pytest.mark.usefixtures("variables")
def test_config(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the settings, and no secret."""
    assert main(["config"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["environment"] == "staging"
    assert KEY not in text
    assert "a-password" not in text


@pytest.mark.usefixtures("variables")
def test_an_address_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends at once and says which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port]) == 1
    assert port in capsys.readouterr().err


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("arguments", [[], ["unknown"], ["serve", "--port", "65536"], ["serve", "--workers", "0"]])
def test_arguments_that_do_not_fit(arguments: list[str]) -> None:
    """Exit status 2, as usual."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", None, "DATABASE_URL: Field required"),
        ("REDIS_URL", "", "REDIS_URL: Field required"),
        ("BACKEND_SECRET_KEY", None, "BACKEND_SECRET_KEY is needed"),
        ("BACKEND_SECRET_KEY", "a secret", "less than 32 characters"),
        ("BACKEND_SECRET_KEY", "for development only: everybody can read this key", "everybody can read"),
        ("BACKEND_ENVIRONMENT", "production", "never for production"),
        ("BACKEND_ENVIRONMENT", "elsewhere", "BACKEND_ENVIRONMENT: "),
        ("BACKEND_WS_PING_SECONDS", "90", "BACKEND_WS_IDLE_SECONDS must be more"),
        ("BACKEND_ACCESS_TOKEN_SECONDS", "a secret", "BACKEND_ACCESS_TOKEN_SECONDS: "),
        ("BACKEND_PAGE_SIZE_MAX", "0", "BACKEND_PAGE_SIZE_MAX: "),
        ("BACKEND_OAUTH_CLIENTS", "a secret", "BACKEND_OAUTH_CLIENTS: "),
    ],
)
def test_settings_that_do_not_fit(
    variables: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None, said: str
) -> None:
    """It does not start, names the variable, and does not repeat what is in it."""
    if value is None:
        variables.delenv(name)
    else:
        variables.setenv(name, value)
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert said in told
    for secret in ("a secret", "a-password", KEY):
        assert secret not in told


def test_development_needs_no_key(environment: dict[str, str], start: Start) -> None:
    """Only there is one that everybody knows, and the identity provider is on."""
    del environment["BACKEND_SECRET_KEY"], environment["BACKEND_IDENTITY_PROVIDER"]
    environment["BACKEND_ENVIRONMENT"] = "development"
    told = start().http.get("/health/config").json()["settings"]
    assert (told["secret_key"], told["identity_provider"]) == ("development", True)
