"""How a secret is found in a text: in each encoding, by its length, cut short; and what is left alone."""

from __future__ import annotations

import base64
import html
import json
import logging
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from test_framework.redaction import HIDDEN, Register, hide_in_url, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "app"
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a word": "before{}after".format,
    "percent": lambda s: quote(s, safe=""),
    "percent, small letters": lambda s: quote(s, safe="").replace("%2F", "%2f").replace("%C3", "%c3"),
    "percent, where needed": lambda s: s.replace("@", "%40").replace("/", "%2F"),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in JSON": lambda s: json.dumps(json.dumps({"a": s})),
    "JSON, letters as they are": lambda s: json.dumps(s, ensure_ascii=False),
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda s: ascii(s.encode("latin-1")),
    "repr of repr": lambda s: repr(repr(s)),
    "XML": html.escape,
    "XML by numbers": lambda s: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in s),
    "shell": shlex.quote,
    "shell, another way": lambda s: "'" + s.replace("'", "'\\''") + "'",
    "shell, backslashes": lambda s: "".join(c if c.isalnum() else f"\\{c}" for c in s),
    "HTTP basic": lambda s: base64.b64encode(f"{USER}:{s}".encode()).decode(),
    "HTTP basic of another user": lambda s: base64.b64encode(f"somebody:{s}".encode()).decode(),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 in a text": lambda s: base64.urlsafe_b64encode(f'{{"token": "{s}", "a": 1}}'.encode()).decode(),
    "URL": lambda s: f"postgresql://{USER}:{quote(s, safe='')}@h/db",
    "URL in a URL": lambda s: quote(f"postgresql://{USER}:{quote(s, safe='')}@h/db", safe=""),
    "parameter": lambda s: f"https://h/?password={quote(s, safe='')}&a=1",
    "conninfo": lambda s: f"host=h password={s!r}",
    "colours": lambda s: f"\x1b[31m{s[:3]}\x1b[39;49;00m{s[3:]}\x1b[0m",
}
ONLY_LONG = ("in a word", "HTTP basic of another user", "base64 in a text")
LONG = ["hunter22", "p@ss wörd'\"\\/&%:x", "a/b+c==d", "Zm9vOmJhcg==", "ends with '", "%40 is no sign", "12345678901"]


@pytest.mark.parametrize(
    ("encoding", "secret"),
    # Digits alone: see test_a_number_stays_one.
    [(name, secret) for name in ENCODINGS for secret in LONG if not (name == "in a word" and secret.isdigit())],
)
def test_a_secret_of_eight_letters_is_hidden_in_each_encoding(encoding: str, secret: str) -> None:
    """Wherever it stands."""
    register = Register()
    register.add(secret, USER)
    shown = register.hide(f"< {ENCODINGS[encoding](secret)} >")
    assert HIDDEN in shown
    for left in (secret, secret[1:], secret[:-1], quote(secret, safe="")[2:-2]):
        assert left not in shown


@pytest.mark.parametrize("secret", ["hunter", "p@ss", "a'b\"c", "h2te"])
@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in ONLY_LONG])
def test_one_of_four_letters_is_hidden_as_a_word(encoding: str, secret: str) -> None:
    """In each encoding, after an encoded sign too."""
    register = Register()
    register.add(secret, USER)
    shown = register.hide(f"< {ENCODINGS[encoding](secret)} >")
    assert HIDDEN in shown
    assert secret not in shown


def test_a_short_one_in_a_longer_word_is_none() -> None:
    """Four to seven letters stand in other words."""
    register = Register()
    register.add("hunt", USER)
    register.add("s3cret", USER)
    for text in ("hunting", "manhunt", "the_hunt", "hunt3", "s3crets"):
        assert register.hide(text) == text
    assert register.hide("the hunt, hunt; -hunt-\nhunt") == f"the {HIDDEN}, {HIDDEN}; -{HIDDEN}-\n{HIDDEN}"


BY_PLACE = {
    "postgresql://{user}:{}@h/db": "postgresql://{user}:***@h/db",
    "postgresql%3A%2F%2F{user}%3A{}%40h": "postgresql%3A%2F%2F{user}%3A***%40h",
    "https://h/?password={}&a=1": "https://h/?password=***&a=1",
    "host=h password={} user=u": "host=h password=*** user=u",
    "password = '{}'": "password = '***'",
    "env = {{'STAGING_PASSWORD': '{}', 'A': '1'}}": "env = {{'STAGING_PASSWORD': '***', 'A': '1'}}",
    '"{{\\"token\\": \\"{}\\"}}"': '"{{\\"token\\": \\"***\\"}}"',
    "os.environ['REDIS_PASSWORD'] = '{}'": "os.environ['REDIS_PASSWORD'] = '***'",
}


@pytest.mark.parametrize(
    ("user", "secret"), [("app", "x"), ("app", "12345"), ("app", "test"), ("Bookshop", "bookshop")]
)
@pytest.mark.parametrize("text", BY_PLACE)
def test_one_that_texts_are_full_of_is_hidden_by_its_place(text: str, user: str, secret: str) -> None:
    """Less than four letters, a short number, a usual word, the user's name: in a URL, and where its name is."""
    register = Register()
    register.add(secret, user)
    assert register.hide(text.format(secret, user=user)) == BY_PLACE[text].format(user=user)


@pytest.mark.parametrize(
    ("user", "secret"), [("app", "x"), ("app", "12345"), ("app", "test"), ("Bookshop", "bookshop")]
)
def test_elsewhere_it_stays(user: str, secret: str) -> None:
    """Else there would be nothing left to read."""
    register = Register()
    register.add(secret, user)
    for text in (
        f"1 {secret} failed",
        f"x = {secret}",
        f"['{secret}']",
        f"postgresql://{secret}@h/db",
        f"{secret}:5432",
    ):
        assert register.hide(text) == text


def test_a_number_stays_one() -> None:
    """A password of eight digits is no part of a time or of a longer number."""
    register = Register()
    register.add("12345678")
    for text in ("0.12345678", "12345678.5", "912345678", "x12345678"):
        assert register.hide(text) == text
    assert register.hide("is 12345678.") == f"is {HIDDEN}."


@pytest.mark.parametrize("cut", ["...", "…"])
def test_what_is_left_of_one_that_was_cut_is_hidden(cut: str) -> None:
    """As pytest shortens a long value in its middle, or at its end."""
    secret = "0123456789abcdefghijklmnopqrstuvwxyz"
    register = Register()
    register.add(secret)
    assert register.hide(f"'x 0123456789ab{cut}uvwxyz'") == f"'x {HIDDEN}{cut}{HIDDEN}'"
    assert register.hide(f"'x 0123456789ab{cut} and {cut}") == f"'x {HIDDEN}{cut} and {cut}"
    assert register.hide(f"wait{cut}uvwxyz") == f"wait{cut}{HIDDEN}"
    register.add("0123456789.c2lnbmF0dXJl")
    assert register.hide(f"at{cut}c2lnbmF0dXJl") == f"at{cut}{HIDDEN}"
    assert register.hide(f"is 0123456789{cut}") == f"is {HIDDEN}{cut}"
    assert register.hide(f"012{cut}xyz") == f"012{cut}xyz"


def test_the_longer_of_two_is_hidden_first() -> None:
    """One that is a part of another leaves nothing of it."""
    register = Register()
    for secret in ("hunter22", "hunter22-and-more"):
        register.add(secret)
    assert register.hide("hunter22-and-more hunter22") == f"{HIDDEN} {HIDDEN}"


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://app:hunter22@h/db", "hunter22"),
        ("postgresql://app:p%40ssw%2Frd@h/db", "p@ssw/rd"),
        ("postgresql://app:hunter@22@h/db", "hunter@22"),
        ("postgresql://h/db?password=hunter22&sslmode=require", "hunter22"),
        ("postgresql://h/db?user=app&sslpassword=hunter22", "hunter22"),
        ("nats://hunter22@h", "hunter22"),
        ("https://h/?api_key=hunter22", "hunter22"),
        ("https://h/#access_token=hunter22", "hunter22"),
        ("redis://:hunter22@[::1/0", "hunter22"),
    ],
)
def test_a_url_has_secrets(url: str, secret: str) -> None:
    """Its password, a user that is a token, and parameters."""
    register = Register()
    register.add_url(url)
    assert register.hide(f"it is {secret}") == f"it is {HIDDEN}"
    assert secret not in hide_in_url(url)


def test_a_user_is_no_secret() -> None:
    """Nor is a host, or a file of passwords."""
    register = Register()
    register.add_url("postgresql://somebody@hostname/database?passfile=/home/somebody/pgpass")
    register.add_url("https://hostname/path@elsewhere")
    assert register.exported() == []


ENVIRONMENT = {
    "STAGING_PASSWORD": "hunter22-a",
    "STAGING_USERNAME": "somebody",
    "STAGING_TOKEN": "hunter22-b",
    "STAGING_API_KEY": "hunter22-c",
    "STAGING_REDIS_URL": "rediss://:hunter22-d@h/0",
    "TEST_FRAMEWORK_POSTGRES_URL": "postgresql://h/db?password=hunter22-e",
    "TEST_FRAMEWORK_NATS_ENVIRONMENT": "A=1, NATS_PASSWORD=hunter22-f",
    "PGPASSWORD": "hunter22-g",
    "BACKEND_SECRET_KEY": "hunter22-h",
    "DOCKER_AUTH_CONFIG": json.dumps({"auths": {"r": {"auth": base64.b64encode(b"me:hunter22-i").decode()}}}),
    "DATABASE_URL": "postgresql://app:hunter22-j@h/db",
    "OTHER_PASSWORD": "hunter22-k",
}


def test_our_variables_have_secrets() -> None:
    """All of staging, those of our settings, and those that a setting names; not those of others."""
    register = Register()
    register.configure_environment(ENVIRONMENT, ["BACKEND_SECRET_KEY", "DATABASE_URL"])
    shown = register.hide(json.dumps([f"hunter22-{letter}" for letter in "abcdefghijk"]))
    assert json.loads(shown) == [HIDDEN] * 10 + ["hunter22-k"]
    basic = base64.b64encode(b"somebody:hunter22-a").decode()
    assert register.hide(f"Basic {basic}") == f"Basic {HIDDEN}"
    assert register.hide("somebody") == "somebody"


def test_what_belongs_to_tests_is_forgotten() -> None:
    """The register has a bound; what is configured, and what servers have, is not driven out by it."""
    register = Register()
    register.configure("configured-secret")
    register.add("secret-of-a-server")
    for number in range(1000):
        register.add_passing(f"token-number-{number:04}")
    for number in range(200):
        register.add(f"server-number-{number:04}")
    assert register.hide("configured-secret secret-of-a-server token-number-0999") == f"{HIDDEN} {HIDDEN} {HIDDEN}"
    assert register.hide("token-number-0000") == "token-number-0000"
    assert ("secret-of-a-server", "") in register.exported()
    assert not any(value.startswith("token") for value, _ in register.exported())


def test_a_short_word_of_a_test_is_left_alone() -> None:
    """A test logs in with what it likes."""
    register = Register()
    register.add_passing("wrong", "me@example.org")
    assert register.hide("it is wrong; password: wrong") == f"it is wrong; password: {HIDDEN}"


def test_stars_are_no_secret() -> None:
    """What is hidden already stays as it is, and so does an empty text."""
    register = Register()
    for secret in ("", "***", "*"):
        register.add(secret)
    assert register.exported() == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", "Authorization: Bearer ***"),
        ("{'Authorization': 'Basic YXBwOmh1bnRlcjIy'}", "{'Authorization': 'Basic ***'}"),
        ("Basic Authentication is off; a bearer of news", "Basic Authentication is off; a bearer of news"),
    ],
)
def test_logins_of_http_are_hidden(text: str, shown: str) -> None:
    """In files that outlive the run, whether they are known or not."""
    assert hide_secrets(text) == shown


def test_a_record_of_a_log_may_hold_anything(caplog: pytest.LogCaptureFixture) -> None:
    """The formatter of the supervisor's log hides in tracebacks too."""
    from test_framework.redaction import KNOWN
    from test_framework.supervisor.server import _SecretHidingFormatter

    KNOWN.add("hunter22-of-a-log")
    try:
        raise OSError("hunter22-of-a-log")
    except OSError:
        logging.getLogger("x").exception("it is %s", "hunter22-of-a-log")
    (record,) = caplog.records
    text = _SecretHidingFormatter("%(message)s").format(record)
    assert "it is ***" in text
    assert "OSError: ***" in text
    assert "hunter22" not in text
