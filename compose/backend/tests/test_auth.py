"""Accounts, sessions, refresh tokens."""

from __future__ import annotations

import time

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from harness.clients import PASSWORD, Person
from harness.servers import Start, Threaded, wait_until
from redis import Redis


def code(response: httpx.Response) -> str:
    """Return the error code of a response."""
    return str(response.json()["error"]["code"])


def refresh(person: Person, token: str) -> httpx.Response:
    """Exchange a refresh token."""
    return person.api.http.post("/auth/refresh", json={"refresh_token": token})


def test_register_login_validate_logout(backend: Threaded) -> None:
    """The way of a session: it is good until the user logs out, and not a moment longer."""
    person = backend.person()
    found = person.ask("GET", "/auth/validate").raise_for_status().json()
    assert found["active"] is True
    assert found["user_id"] == person.id
    assert person.ask("GET", "/users/me").json()["email"] == person.email
    assert person.ask("POST", "/auth/logout").status_code == 204
    refused = person.ask("GET", "/auth/validate")
    assert (refused.status_code, code(refused)) == (401, "session_ended")


def test_an_address_has_one_account(backend: Threaded) -> None:
    """A second registration is refused, whatever the case of the letters."""
    person = backend.person()
    body = {"email": person.email.upper(), "password": PASSWORD}
    second = backend.http.post("/auth/register", json=body)
    assert (second.status_code, code(second)) == (409, "email_taken")


def test_a_wrong_password_and_an_unknown_address_look_the_same(backend: Threaded) -> None:
    """Nobody learns from a refused login whether there is such an account."""
    person = backend.person()
    answers = [
        backend.http.post("/auth/login", json={"email": email, "password": "wrong password"})
        for email in (person.email, "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert len({(code(answer), answer.json()["error"]["message"]) for answer in answers}) == 1


def test_too_many_wrong_passwords_hold_up_one_account(start: Start) -> None:
    """After some wrong passwords even the right one is refused, for this account only."""
    backend = start(login_failures_per_minute=3)
    person, other = backend.person(), backend.person()
    for _ in range(3):
        backend.http.post("/auth/login", json={"email": person.email, "password": "wrong password"})
    refused = backend.http.post("/auth/login", json={"email": person.email, "password": PASSWORD})
    assert (refused.status_code, code(refused)) == (429, "too_many_failures")
    assert int(refused.headers["Retry-After"]) > 0
    assert backend.log_in(other.email)


def test_wrong_passwords_are_counted_for_a_while(start: Start, environment: dict[str, str]) -> None:
    """The first one begins the minute, which the others do not make longer; then the right one is good again."""
    backend = start(login_failures_per_minute=2)
    person = backend.person()
    wrong = {"email": person.email, "password": "wrong password"}
    with Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        backend.http.post("/auth/login", json=wrong)
        (key,) = redis.scan_iter("backend:failures:*")
        assert 0 < redis.ttl(key) <= 60
        redis.expire(key, 30)
        backend.http.post("/auth/login", json=wrong)
        assert 0 < redis.ttl(key) <= 30
        right = wrong | {"password": PASSWORD}
        assert backend.http.post("/auth/login", json=right).status_code == 429
        redis.pexpire(key, 1)
        wait_until(lambda: not redis.exists(key), "the time is over")
    assert backend.log_in(person.email)


def test_an_unknown_address_costs_as_much_as_a_wrong_password(
    backend: Threaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is checked against one hash, so that the time of the answer does not tell which addresses there are."""
    checked: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, password: str) -> bool:
        checked.append(password)
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for email, password in ((backend.person().email, "wrong for one"), ("nobody@example.org", "wrong for none")):
        backend.http.post("/auth/login", json={"email": email, "password": password})
    assert [checked.count(password) for password in ("wrong for one", "wrong for none")] == [1, 1]


def test_passwords_are_kept_as_argon2(start: Start, environment: dict[str, str]) -> None:
    """The database holds an Argon2id hash and no password."""
    start().person()
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT password_hash, users::text FROM users").fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")
    assert PASSWORD not in row[1]


def test_refresh_rotates(backend: Threaded) -> None:
    """Each exchange gives new tokens, both of which are good."""
    person = backend.person()
    for _ in range(3):
        before = person.tokens
        person.tokens = refresh(person, before["refresh_token"]).raise_for_status().json()
        assert person.tokens["refresh_token"] != before["refresh_token"]
        assert person.tokens["access_token"] != before["access_token"]
        assert person.ask("GET", "/auth/validate").status_code == 200


def test_replay_of_an_old_refresh_token_ends_the_whole_session(backend: Threaded) -> None:
    """The newest refresh token, the access token and an open WebSocket of the family are no good after a replay."""
    person = backend.person()
    stolen = person.tokens["refresh_token"]
    person.tokens = refresh(person, stolen).json()
    with person.socket() as socket:
        replay = refresh(person, stolen)
        assert (replay.status_code, code(replay)) == (401, "refresh_token_reused")
        assert socket.closing()[0] == 4401
    assert code(person.ask("GET", "/auth/validate")) == "session_ended"
    assert code(refresh(person, person.tokens["refresh_token"])) == "refresh_token_invalid"


def test_a_replay_leaves_other_sessions_alone(backend: Threaded) -> None:
    """Another session of the same user goes on."""
    person = backend.person()
    other = backend.log_in(person.email)
    stolen = person.tokens["refresh_token"]
    refresh(person, stolen)
    refresh(person, stolen)
    person.tokens = other
    assert person.ask("GET", "/auth/validate").status_code == 200


def test_a_guess_does_not_end_a_session(backend: Threaded) -> None:
    """A made-up token for a session that exists is refused, and that is all."""
    person = backend.person()
    session = person.tokens["refresh_token"].partition(".")[0]
    for guess in (f"{session}.guess", session, ".", "", "\u20ac.\u20ac"):
        assert code(refresh(person, guess)) == "refresh_token_invalid"
    assert refresh(person, person.tokens["refresh_token"]).status_code == 200


def test_refresh_tokens_are_kept_hashed(start: Start, environment: dict[str, str]) -> None:
    """Nothing in Redis holds the secret part of a refresh token."""
    person = start().person()
    secret = person.tokens["refresh_token"].partition(".")[2]
    with Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        kept = [redis.hgetall(key) for key in redis.scan_iter("backend:session:*")]
    assert len(kept) == 1
    assert secret not in str(kept)


def test_an_unused_session_expires(start: Start) -> None:
    """A session that was not refreshed in time is over, and so is its access token."""
    person = start(refresh_token_seconds=1).person()
    time.sleep(1.1)
    assert code(refresh(person, person.tokens["refresh_token"])) == "refresh_token_invalid"
    assert code(person.ask("GET", "/auth/validate")) == "session_ended"


def test_no_refresh_goes_past_the_longest_session(start: Start) -> None:
    """A session that is refreshed again and again ends all the same."""
    person = start(session_max_seconds=3, refresh_token_seconds=60).person()
    end = time.monotonic() + 30
    while (answer := refresh(person, person.tokens["refresh_token"])).status_code == 200 and time.monotonic() < end:
        person.tokens = answer.json()
        time.sleep(0.1)
    assert code(answer) == "refresh_token_invalid"


def test_a_logout_is_seen_by_another_process_at_once(start: Start) -> None:
    """A token that one backend ended is refused by the next request to another, and its WebSocket there is closed."""
    one, other = start(), start()
    person = one.person()
    there = Person(other, person.email, person.id, person.tokens)
    with there.socket() as socket:
        assert there.ask("GET", "/auth/validate").status_code == 200
        person.ask("POST", "/auth/logout")
        assert code(there.ask("GET", "/auth/validate")) == "session_ended"
        assert socket.closing()[0] == 4401


def test_logout_everywhere(backend: Threaded) -> None:
    """All sessions of the user end, those of others do not."""
    person, other = backend.person(), backend.person()
    second = backend.log_in(person.email)
    assert person.ask("POST", "/auth/logout-all").json() == {"ended": 2}
    person.tokens = second
    assert code(person.ask("GET", "/auth/validate")) == "session_ended"
    assert other.ask("GET", "/auth/validate").status_code == 200


def test_a_deleted_account_leaves_nothing(start: Start, environment: dict[str, str]) -> None:
    """Rows, sessions and events of the user are gone."""
    person = start().person()
    with person.socket() as socket:
        socket.run("What is 1 + 1?")
    assert person.ask("DELETE", "/users/me").status_code == 204
    assert code(person.ask("GET", "/users/me")) == "session_ended"
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        for table in ("users", "threads", "runs", "messages"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    with Redis.from_url(environment["REDIS_URL"], decode_responses=True) as redis:
        assert [key for key in redis.scan_iter("backend:*") if person.id in key] == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_without_a_token_nothing_is_told(backend: Threaded, method: str) -> None:
    """A request without a token gets 401 and a challenge that names no error."""
    path = {"GET": "/threads", "POST": "/threads", "DELETE": "/users/me"}[method]
    refused = backend.http.request(method, path)
    assert (refused.status_code, code(refused)) == (401, "token_missing")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="reference-backend"'
