"""Health, as it is and as it is told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from harness.clients import FIVE, PASSWORD, Api
from harness.proxy import Cable
from harness.servers import KEY, Start, Threaded, threaded, wait_until


def dependencies(backend: Api) -> dict[str, dict[str, Any]]:
    """Return what the backend says of what it needs."""
    found: dict[str, dict[str, Any]] = backend.http.get("/health/dependencies").json()["dependencies"]
    return found


def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_all_is_well(backend: Threaded) -> None:
    """The process lives, is ready, and says of each dependency how it is."""
    assert backend.http.get("/health/live").json()["status"] == "ok"
    ready = backend.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "reasons": {}})
    begin = time.monotonic()
    told = backend.http.get("/health/dependencies").json()
    took = time.monotonic() - begin
    assert told["status"] == "ok"
    found = told["dependencies"]
    assert set(found) == {"database", "cache", "analytics", "language_model"}
    for name in ("database", "cache"):
        assert found[name]["status"] == "ok"
        assert found[name]["reason"] is None
        assert 0 < found[name]["latency_ms"] < 1000 * took
        assert found[name]["version"][0].isdigit()
    assert (found["analytics"]["status"], found["analytics"]["reason"]) == (
        "not_configured",
        "CLICKHOUSE_URL is not set",
    )
    assert found["language_model"]["version"] == "deterministic"
    assert "no language model is called" in found["language_model"]["reason"]


@pytest.fixture
def cables(environment: dict[str, str]) -> Iterator[dict[str, Cable]]:
    """Put a cable that can be cut between the backend and its database and cache."""
    made = {name: Cable(environment[name]) for name in ("DATABASE_URL", "REDIS_URL")}
    environment |= {name: cable.url for name, cable in made.items()}
    yield made
    for cable in made.values():
        cable.close()


@pytest.mark.parametrize(("variable", "name"), [("DATABASE_URL", "database"), ("REDIS_URL", "cache")])
def test_a_needed_dependency_is_down(cables: dict[str, Cable], start: Start, variable: str, name: str) -> None:
    """It is named with a reason, requests that need it get 503, the process lives; when it is back, all is well."""
    backend = start(database_timeout_seconds=1, redis_timeout_seconds=1, health_timeout_seconds=0.5)
    person = backend.person()
    cables[variable].cut()
    ready = backend.http.get("/health/ready")
    assert ready.status_code == 503
    assert list(ready.json()["reasons"]) == [name]
    assert ready.json()["reasons"][name]
    assert backend.http.get("/health/live").status_code == 200
    told = dependencies(backend)
    assert told[name]["status"] == "down"
    assert [other for other, check in told.items() if check["status"] == "down"] == [name]
    refused = person.ask("GET", "/threads")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, f"{name}_unavailable")
    assert refused.headers["Retry-After"]
    cables[variable].mend()
    wait_until(lambda: backend.http.get("/health/ready").status_code == 200, "it is ready again")
    assert person.ask("GET", "/threads").status_code == 200
    with person.socket() as live:
        assert len(live.run("What is 1 + 1?")[1]) == 5


def test_the_cache_goes_away_under_a_connection(cables: dict[str, Cable], start: Start) -> None:
    """A run and a connection outlive a short outage of Redis: every event comes, once and in order."""
    backend = start()
    person = backend.person()
    with person.socket() as live:
        live.send(type="user_message", id="1", text="timer: 0.5")
        before = live.until("tool_executing")
        cables["REDIS_URL"].cut()
        time.sleep(1)
        cables["REDIS_URL"].mend()
        events = [*before[1:], *live.until("agent_completed")]
    assert [event["type"] for event in events] == FIVE
    sequences = [event["sequence"] for event in events]
    assert sequences == list(range(sequences[0], sequences[0] + 5))


def test_the_database_goes_away_under_a_run(cables: dict[str, Cable], start: Start) -> None:
    """The run waits for it, and its answer is kept."""
    backend = start(database_timeout_seconds=1)
    person = backend.person()
    with person.socket() as live:
        live.send(type="user_message", id="1", text="timer: 0.3")
        live.until("tool_executing")
        cables["DATABASE_URL"].cut()
        time.sleep(0.6)
        live.send(type="user_message", id="2", text="What is 1 + 1?")
        told = live.until("error")
        assert told[-1]["code"] == "unavailable"
        cables["DATABASE_URL"].mend()
        completed = live.until("agent_completed")[-1]
    assert completed["data"]["status"] == "completed"
    assert person.ask("GET", f"/runs/{completed['run_id']}").json()["status"] == "completed"


def test_a_start_without_database_and_cache(
    cables: dict[str, Cable], environment: dict[str, str], start: Start
) -> None:
    """The process starts, says that it is not ready, and becomes so by itself, with its schema, when they come."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    for cable in cables.values():
        cable.cut()
    backend = start()
    ready = backend.http.get("/health/ready")
    assert (ready.status_code, sorted(ready.json()["reasons"])) == (503, ["cache", "database"])
    for cable in cables.values():
        cable.mend()
    wait_until(lambda: backend.http.get("/health/ready").status_code == 200, "it is ready")
    assert backend.person().id


def test_a_schema_that_is_too_old_or_too_new(start: Start, environment: dict[str, str]) -> None:
    """A backend that finds another revision than its own is not ready, and says which it found."""
    backend = start(migrate_on_start=False)
    assert backend.http.get("/health/ready").status_code == 200
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        told = dependencies(backend)["database"]
        assert told["status"] == "down"
        assert "9999" in told["reason"]
        assert "0001" in told["reason"]
        connection.execute("DROP TABLE alembic_version")
    assert "revision -" in dependencies(backend)["database"]["reason"]
    assert backend.http.get("/health/config").json()["schema"] == {"current": "-", "expected": "0001"}


def test_analytics_are_down_and_nobody_minds(start: Start) -> None:
    """With ClickHouse out of reach the backend is ready, says so, waits for nothing, and counts what it drops."""
    url = f"http://user:secret@127.0.0.1:{closed_port()}/default"
    backend = start(clickhouse_url=url, analytics_queue=3, analytics_flush_seconds=3600)
    analytics = backend.app.state.resources.analytics
    for _ in range(3):
        backend.person()
    # Two rows each, and the queue holds three, of which nothing has been sent.
    assert analytics.dropped == 3
    assert backend.http.get("/health/ready").status_code == 200
    told = backend.http.get("/health/dependencies").json()
    assert told["status"] == "degraded"
    assert told["dependencies"]["analytics"]["status"] == "down"
    assert "secret" not in str(told)
    hasty = start(clickhouse_url=url, analytics_flush_seconds=0.2)
    hasty.person()
    analytics = hasty.app.state.resources.analytics
    wait_until(lambda: analytics.dropped == 2, "what could not be sent is counted")


def test_what_happens_is_a_row_each(start: Start) -> None:
    """A registration, a login and a run: three rows, which are counted where ClickHouse cannot take them."""
    backend = start(clickhouse_url=f"http://127.0.0.1:{closed_port()}/default", analytics_flush_seconds=0.1)
    with backend.person().socket() as socket:
        socket.run("What is 1 + 1?")
    wait_until(lambda: backend.app.state.resources.analytics.dropped == 3, "three rows were to be sent")


def test_the_configuration_is_told_without_secrets(start: Start, environment: dict[str, str]) -> None:
    """Settings, versions and revisions are there; passwords and keys are not."""
    backend = start(clickhouse_url="http://somebody:a-password@127.0.0.1:1/events?password=another")
    response = backend.http.get("/health/config")
    told = response.json()
    assert told["settings"]["access_token_seconds"] == 900
    assert told["settings"]["secret_key"] == "set"
    assert told["settings"]["clickhouse_url"] == "http://127.0.0.1:1/events"
    assert told["schema"] == {"current": "0001", "expected": "0001"}
    assert told["versions"]["python"]
    assert told["row_level_security"] in ("enforced", "bypassed: superuser")
    for secret in (KEY, "a-password", "another", *passwords(environment)):
        assert secret not in response.text


def passwords(environment: dict[str, str]) -> list[str]:
    """Return the passwords in the URLs."""
    found = [httpx.URL(environment[name]).password for name in ("DATABASE_URL", "REDIS_URL")]
    return [password for password in found if password]


def test_the_fingerprint_shows_drift(environment: dict[str, str]) -> None:
    """Two processes with the same settings have the same one; another setting has another."""
    found = []
    for settings in ({}, {}, {"access_token_seconds": 901}):
        server = threaded(environment, settings)
        found.append(server.http.get("/health/config").json()["fingerprint"])
        server.stop()
    assert found[0] == found[1] != found[2]


def test_production_keeps_its_details(start: Start, environment: dict[str, str]) -> None:
    """Without a token it says only whether it is ready; there is no identity provider and no list of routes."""
    environment |= {"BACKEND_ENVIRONMENT": "production", "BACKEND_IDENTITY_PROVIDER": ""}
    backend = start()
    assert backend.http.get("/health/ready").status_code == 200
    for path in ("/health/dependencies", "/health/config"):
        assert backend.http.get(path).status_code == 401
        assert backend.person().ask("GET", path).status_code == 200
    assert backend.http.get("/oauth/authorize").status_code == 404
    assert backend.http.get("/openapi.json").status_code == 404
    assert backend.http.post("/auth/login", json={"email": "a@b", "password": PASSWORD}).status_code == 401
