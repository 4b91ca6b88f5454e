"""The program: its start, its end, its processes, its log."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import psycopg
import pytest
from harness.clients import FIVE, PASSWORD
from harness.servers import KEY, Program, Spawn, Start, wait_until
from redis import Redis


def alive(process: int) -> bool:
    """Say whether there is such a process, which is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("workers", "number"), [("1", signal.SIGTERM), ("2", signal.SIGTERM), ("1", signal.SIGINT)])
def test_an_end_in_order(spawn: Spawn, environment: dict[str, str], workers: str, number: int) -> None:
    """A run comes to its end, connections get 1012, the exit status is 0, and nothing is waited for in vain."""
    backend = spawn("--workers", workers, BACKEND_SHUTDOWN_SECONDS="50")
    with backend.person().socket() as live:
        live.send(type="user_message", id="1", text="timer: 0.5")
        live.until("tool_executing")
        status, seconds = backend.end(number)
        code, _ = live.closing()
    assert (status, code) == (0, 1012)
    assert seconds < 25
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("completed",)]


def test_all_is_there_after_a_restart(spawn: Spawn, start: Start) -> None:
    """Accounts, sessions, threads, messages and events outlive the process."""
    first = spawn()
    person = first.person()
    with person.socket() as live:
        accepted, events = live.run("What is 6 * 7?")
    first.end(signal.SIGKILL)
    person.api = start()
    messages = person.ask("GET", f"/threads/{accepted['thread_id']}/messages").json()["items"]
    assert [message["text"] for message in messages] == ["6 * 7 = 42", "What is 6 * 7?"]
    with person.socket() as live:
        live.send(type="resume", after=events[0]["sequence"])
        assert live.until("agent_completed")[1:] == events[1:]


def test_a_run_whose_process_was_killed_is_ended_by_another(spawn: Spawn, start: Start) -> None:
    """The user is told that it failed; sent again, the message is not answered twice."""
    first = spawn(BACKEND_RUN_LEASE_SECONDS="1")
    person = first.person()
    with person.socket() as live:
        live.send(type="user_message", id="1", text="timer: 10")
        before = live.until("tool_executing")
        first.end(signal.SIGKILL)
    person.api = start(run_lease_seconds=1)
    with person.socket() as live:
        live.send(type="resume", after=before[-1]["sequence"])
        end = live.until("agent_completed")[-1]
        assert (end["data"]["status"], end["data"]["error"]["code"]) == ("failed", "interrupted")
        live.send(type="user_message", id="1", text="timer: 10")
        again = live.next()
        assert (again["duplicate"], again["run_id"]) == (True, end["run_id"])
    assert person.ask("GET", f"/runs/{end['run_id']}").json()["status"] == "failed"


def test_a_run_that_its_own_process_has_lost_is_ended(start: Start, environment: dict[str, str]) -> None:
    """The process lives, and works on it no more: after an outage that was too long, nobody else would end it."""
    person = start(run_lease_seconds=0.5).person()
    thread = person.thread()
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        query = "INSERT INTO runs (user_id, thread_id, client_id) VALUES (%s, %s, 'lost') RETURNING id"
        row = connection.execute(query, [person.id, thread]).fetchone()
        assert row
    with Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        (process,) = (key.rpartition(":")[2] for key in redis.scan_iter("backend:process:*"))
        redis.hset("backend:runs", str(row[0]), json.dumps([process, person.id, thread]))
    wait_until(lambda: person.ask("GET", f"/runs/{row[0]}").json()["status"] == "failed", "the run is ended")


def test_events_cross_processes(spawn: Spawn) -> None:
    """With two workers, connections in both get all events, and a logout ends all of them."""
    backend = spawn("--workers", "2")
    person = backend.person()
    got: list[list[str]] = []
    codes: list[int] = []

    def listen() -> None:
        with person.socket() as live:
            got.append([message["type"] for message in live.until("agent_completed")])
            codes.append(live.closing()[0])

    def processes() -> set[int]:
        return {line["pid"] for line in backend.logged("connection open") if line["user_id"] == person.id}

    threads: list[threading.Thread] = []
    while len(processes()) < 2:
        assert len(threads) < 18, "one worker takes all connections"
        threads.append(threading.Thread(target=listen))
        threads[-1].start()
        wait_until(lambda: len(backend.logged("connection open")) == len(threads), "it is connected")
    with person.socket() as live:
        live.run("What is 1 + 1?")
        wait_until(lambda: len(got) == len(threads), "all have all events")
        person.ask("POST", "/auth/logout")
        assert live.closing()[0] == 4401
    for thread in threads:
        thread.join(30)
    assert got == [FIVE] * len(threads)
    assert codes == [4401] * len(threads)


def test_workers_are_replaced_and_end_with_their_parent(spawn: Spawn) -> None:
    """One that is killed has a successor; when the parent is killed, no process is left."""
    backend = spawn("--workers", "2")

    def workers() -> list[int]:
        return [line["pid"] for line in backend.logged("schema ready")]

    wait_until(lambda: len(workers()) == 2, "both workers are up")
    os.kill(workers()[0], signal.SIGKILL)
    wait_until(lambda: len(workers()) == 3, "there is another one")
    assert backend.person().id
    backend.process.kill()
    backend.process.wait(30)
    wait_until(lambda: not any(map(alive, workers())), "the workers are gone")


def test_many_start_at_once_on_an_empty_database(spawn: Spawn, environment: dict[str, str]) -> None:
    """Each finds the schema ready, made once."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    found: list[Program] = []
    threads = [threading.Thread(target=lambda: found.append(spawn())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    for backend in found:
        assert [line["revision"] for line in backend.logged("schema ready")] == ["0001"]
        assert backend.logged("schema not ready") == []
        assert backend.http.get("/health/ready").status_code == 200


def test_logs_hold_no_secrets(spawn: Spawn) -> None:
    """Every line is JSON with a time, requests carry their id, and no password, token or key is in any line."""
    backend = spawn(BACKEND_LOG_LEVEL="DEBUG")
    person = backend.person()
    old = person.tokens
    person.tokens = backend.http.post("/auth/refresh", json={"refresh_token": old["refresh_token"]}).json()
    token = person.tokens["access_token"]
    backend.http.get(f"/threads?access_token={token}", headers={"X-Request-ID": "traced", **person.headers})
    with backend.socket(subprotocols=["reference-backend.v1", f"bearer.{token}"]) as live:
        live.next()
        live.run("What is 1 + 1?")
        live.connection.send(f"rubbish {token}")
        live.next()
    assert backend.end(signal.SIGTERM)[0] == 0
    text = json.dumps(backend.log)
    for secret in (PASSWORD, KEY, token, old["access_token"], old["refresh_token"], person.tokens["refresh_token"]):
        assert secret not in text
    assert all({"time", "level", "event", "pid"} <= set(line) for line in backend.log)
    traced = [line for line in backend.log if line.get("request_id") == "traced"]
    assert [(line["event"], line["path"], line["status"], line["user_id"]) for line in traced] == [
        ("request", "/threads", 200, person.id)
    ]
    assert {line["user_id"] for line in backend.logged("connection open")} == {person.id}
