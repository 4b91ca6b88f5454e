"""Rows in a real ClickHouse, where there is one; what happens without one is in `test_health.py`."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx
from harness.servers import Start, wait_until
from test_framework.resolution import Endpoint


def ask(server: Endpoint, query: str) -> str:
    """Send a query to the database of this test."""
    parts = urlsplit(server.url)
    user, password = (unquote(part or "") for part in (parts.username, parts.password))
    url = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{parts.port}", path="/"))
    params = {"query": query, "database": parts.path.strip("/")}
    answer = httpx.post(url, params=params, auth=(user, password), timeout=10, trust_env=False)
    return answer.raise_for_status().text


def test_what_happens_is_counted(clickhouse_db: Endpoint, start: Start) -> None:
    """Registrations, logins and runs become rows, with the user, and nothing of what was said."""
    backend = start(clickhouse_url=clickhouse_db.url, analytics_flush_seconds=0.1)
    person = backend.person()
    with person.socket() as socket:
        run = socket.run("What is 6 * 7?")[0]["run_id"]
    wait_until(lambda: backend.app.state.resources.analytics.sent == 3, "the rows are sent")
    lines = ask(clickhouse_db, "SELECT event, user_id, about FROM backend_events FORMAT JSONEachRow")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert sorted(row["event"] for row in rows) == ["login", "register", "run"]
    assert {row["user_id"] for row in rows} == {person.id}
    about = next(json.loads(row["about"]) for row in rows if row["event"] == "run")
    assert about == {"run_id": run, "status": "completed"}
    told = backend.http.get("/health/dependencies").json()["dependencies"]["analytics"]
    assert (told["status"], told["reason"]) == ("ok", None)
    assert told["version"] == ask(clickhouse_db, "SELECT version()").strip()


def test_the_last_rows_are_sent_at_the_end(clickhouse_db: Endpoint, start: Start) -> None:
    """What waits when the process ends in order is not lost."""
    backend = start(clickhouse_url=clickhouse_db.url, analytics_flush_seconds=60)
    backend.person()
    backend.stop()
    assert ask(clickhouse_db, "SELECT count() FROM backend_events").strip() == "2"


def test_a_wrong_password_is_told_without_it(clickhouse_db: Endpoint, start: Start) -> None:
    """The reason is the server's own, and holds no secret."""
    parts = urlsplit(clickhouse_db.url)
    url = urlunsplit(parts._replace(netloc=f"default:a-wrong-password@{parts.hostname}:{parts.port}"))
    backend = start(clickhouse_url=url)
    response = backend.http.get("/health/dependencies")
    assert response.json()["dependencies"]["analytics"]["status"] == "down"
    assert "a-wrong-password" not in response.text
