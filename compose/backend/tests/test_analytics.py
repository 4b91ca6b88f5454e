"""Rows in a real ClickHouse, where there is one; what happens without one is in `test_health.py`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest
from harness.servers import Start, wait_until


class Clickhouse:
    """A database of the test alone."""

    def __init__(self, url: str) -> None:
        self.name = f"backend_{uuid4().hex[:12]}"
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{self.name}"))
        self._server = url

    def ask(self, query: str) -> str:
        """Send a query to the server."""
        answer = httpx.post(self._server, params={"query": query}, timeout=10, trust_env=False)
        return answer.raise_for_status().text


@pytest.fixture
def clickhouse() -> Iterator[Clickhouse]:
    """Make a database on the server that the environment names."""
    url = os.environ.get("CLICKHOUSE_URL")
    if not url:
        pytest.skip("CLICKHOUSE_URL is not set: set it to the HTTP address of a server that tests may write to")
    made = Clickhouse(urlunsplit(urlsplit(url)._replace(path="/")))
    made.ask(f"CREATE DATABASE {made.name}")
    yield made
    made.ask(f"DROP DATABASE {made.name}")


def test_what_happens_is_counted(clickhouse: Clickhouse, start: Start) -> None:
    """Registrations, logins and runs become rows, with the user, and nothing of what was said."""
    backend = start(clickhouse_url=clickhouse.url, analytics_flush_seconds=0.1)
    person = backend.person()
    with person.socket() as socket:
        run = socket.run("What is 6 * 7?")[0]["run_id"]
    wait_until(lambda: backend.app.state.resources.analytics.sent == 3, "the rows are sent")
    lines = clickhouse.ask(f"SELECT event, user_id, about FROM {clickhouse.name}.backend_events FORMAT JSONEachRow")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert sorted(row["event"] for row in rows) == ["login", "register", "run"]
    assert {row["user_id"] for row in rows} == {person.id}
    about = next(json.loads(row["about"]) for row in rows if row["event"] == "run")
    assert about == {"run_id": run, "status": "completed"}
    told = backend.http.get("/health/dependencies").json()["dependencies"]["analytics"]
    assert (told["status"], told["reason"]) == ("ok", None)
    assert told["version"] == clickhouse.ask("SELECT version()").strip()


def test_the_last_rows_are_sent_at_the_end(clickhouse: Clickhouse, start: Start) -> None:
    """What waits when the process ends in order is not lost."""
    backend = start(clickhouse_url=clickhouse.url, analytics_flush_seconds=60)
    backend.person()
    backend.stop()
    assert clickhouse.ask(f"SELECT count() FROM {clickhouse.name}.backend_events").strip() == "2"


def test_a_wrong_password_is_told_without_it(clickhouse: Clickhouse, start: Start) -> None:
    """The reason is the server's own, and holds no secret."""
    parts = urlsplit(clickhouse.url)
    url = urlunsplit(parts._replace(netloc=f"default:a-wrong-password@{parts.hostname}:{parts.port}"))
    backend = start(clickhouse_url=url)
    response = backend.http.get("/health/dependencies")
    assert response.json()["dependencies"]["analytics"]["status"] == "down"
    assert "a-wrong-password" not in response.text
