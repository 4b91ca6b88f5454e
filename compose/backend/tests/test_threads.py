"""Threads and messages: lists, pages, and walls between users."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from harness.clients import Person
from harness.servers import Program, Spawn, Start, Threaded


def test_a_thread_s_life(backend: Threaded) -> None:
    """It is made, read, renamed, listed and deleted."""
    person = backend.person()
    thread = person.thread("first")
    assert person.ask("GET", f"/threads/{thread}").json()["title"] == "first"
    assert person.ask("PATCH", f"/threads/{thread}", json={"title": "second"}).json()["title"] == "second"
    assert [item["title"] for item in person.ask("GET", "/threads").json()["items"]] == ["second"]
    assert person.ask("DELETE", f"/threads/{thread}").status_code == 204
    assert person.ask("GET", f"/threads/{thread}").status_code == 404
    assert person.ask("DELETE", f"/threads/{thread}").status_code == 404


def pages(person: Person, path: str, limit: int, between: Callable[[], object] = lambda: None) -> list[list[str]]:
    """Return the ids of all pages; `between` happens before each but the first."""
    found, cursor = [], ""
    while True:
        page = person.ask("GET", f"{path}?limit={limit}{cursor}").raise_for_status().json()
        found.append([item["id"] for item in page["items"]])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
        between()


def test_pages_have_each_thread_once(backend: Threaded) -> None:
    """All threads come, the newest first, though others are made while the pages are turned."""
    person = backend.person()
    made = [person.thread(str(number)) for number in range(7)]
    found = pages(person, "/threads", 3, person.thread)
    assert found == [made[6:3:-1], made[3:0:-1], made[0:1]]
    assert [len(page) for page in pages(person, "/threads", 9)] == [9]


def test_pages_of_messages(backend: Threaded) -> None:
    """The messages of a thread come in pages, too."""
    person = backend.person()
    thread = person.thread()
    with person.socket() as socket:
        for number in range(3):
            socket.run(f"What is {number} + 1?", thread_id=thread)
    found = pages(person, f"/threads/{thread}/messages", 4)
    assert [len(page) for page in found] == [4, 2]
    assert len({message for page in found for message in page}) == 6


def test_a_page_has_an_upper_bound(start: Start) -> None:
    """Who asks for more than the settings allow gets as many as they allow."""
    person = start(page_size_max=2).person()
    for number in range(3):
        person.thread(str(number))
    assert len(person.ask("GET", "/threads?limit=1000000").json()["items"]) == 2
    assert len(person.ask("GET", "/threads").json()["items"]) == 2


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "' OR 1=1 --", "MjAyMC0wMS0wMXx4", "%00", "x" * 300])
def test_a_cursor_that_is_none(backend: Threaded, cursor: str) -> None:
    """It is refused as bad input."""
    response = backend.person().ask("GET", "/threads", params={"cursor": cursor})
    assert response.status_code == 422
    assert response.json()["error"]["code"] in ("bad_cursor", "invalid_request")


def test_what_is_somebody_else_s_does_not_exist(backend: Threaded) -> None:
    """Every way to another user's thread, messages and run gives 404, and changes nothing."""
    owner, other = backend.person(), backend.person()
    thread = owner.thread("mine")
    with owner.socket() as socket:
        run = socket.run("What is 1 + 1?", thread_id=thread)[0]["run_id"]
    ways = [
        ("GET", f"/threads/{thread}", None),
        ("PATCH", f"/threads/{thread}", {"title": "yours"}),
        ("DELETE", f"/threads/{thread}", None),
        ("GET", f"/threads/{thread}/messages", None),
        ("GET", f"/runs/{run}", None),
    ]
    for method, path, body in ways:
        refused = other.ask(method, path, json=body)
        nothing = other.ask(method, path.replace(thread, str(uuid4())).replace(run, str(uuid4())), json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
        assert nothing.json()["error"]["message"] == refused.json()["error"]["message"]
    assert other.ask("GET", "/threads").json()["items"] == []
    assert owner.ask("GET", f"/threads/{thread}").json()["title"] == "mine"
    assert len(owner.ask("GET", f"/threads/{thread}/messages").json()["items"]) == 2


def test_row_security_is_a_second_wall(spawn: Spawn, environment: dict[str, str]) -> None:
    """As a role that is no superuser, the backend works, and even a query without a condition sees one user's rows."""
    role = f"backend_{uuid4().hex[:12]}"
    parts = urlsplit(environment["DATABASE_URL"])
    url = urlunsplit(parts._replace(netloc=f"{role}:secret@{parts.hostname}:{parts.port}"))
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            check_row_security(spawn(DATABASE_URL=url), connection, url)
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def check_row_security(backend: Program, connection: psycopg.Connection, url: str) -> None:
    """Look at the rows of two users, as the backend's role and as one that sees all."""
    assert backend.http.get("/health/config").json()["row_level_security"] == "enforced"
    one, other = backend.person(), backend.person()
    for person in (one, other):
        with person.socket() as socket:
            socket.run("What is 1 + 1?")
    with psycopg.connect(url) as own:
        assert own.execute("SELECT count(*) FROM messages").fetchone() == (0,)
        own.execute("SELECT set_config('backend.user_id', %s, true)", [one.id])
        for table, rows in (("threads", 1), ("runs", 1), ("messages", 2)):
            assert own.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    assert one.ask("DELETE", "/users/me").status_code == 204
    assert connection.execute("SELECT user_id::text FROM messages").fetchall() == [(other.id,)] * 2
    backend.stop()
