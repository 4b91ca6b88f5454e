"""Secrets are shown nowhere: every form of one, in every place where pytest, its files and our commands show something.

One run of pytest has a test for each place. What it printed, and each file that it left, is searched for each form.
"""

from __future__ import annotations

import base64
import html
import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import wait_until
from tests.support.files import files_below

pytestmark = pytest.mark.timeout(300)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Project

LONG = "p@ss wörd'\"\\/&%:x-9"
TOKEN = "eyJhbGciOiJIUzI1NiJ9." + "abcdefghijklmnopqrstuvwxyz0123456789" * 8 + ".c2lnbmF0dXJl"
SHORT = "h4x0r"
SHORTEST = "q"

ENVIRONMENT = {
    "STAGING_USERNAME": "somebody@example.org",
    "STAGING_PASSWORD": LONG,
    "STAGING_TOKEN": TOKEN,
    "TEST_FRAMEWORK_REDIS_URL": f"redis://:{SHORT}@127.0.0.1:1/0",
    "OUR_DATABASE": f"postgresql://app:{SHORTEST}@127.0.0.1:1/db",
    "TEST_FRAMEWORK_CLICKHOUSE_URL": "http://127.0.0.1:1/?user=app&password=in-a-parameter",
}


def encoded(secret: str, user: str) -> Iterator[str]:
    """Yield the forms of a secret that programs write."""
    yield secret
    yield from {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    yield f"postgresql://{user}:{quote(secret, safe='')}@127.0.0.1:1/db"
    yield f"https://127.0.0.1:1/?password={quote(secret, safe='')}&x=1"
    yield f"host=127.0.0.1 password={shlex.quote(secret)} user={user}"
    yield json.dumps({"password": secret})
    yield repr({"PGPASSWORD": secret})
    yield html.escape(secret)
    yield base64.b64encode(f"{user}:{secret}".encode()).decode()


def searched(secret: str) -> set[str]:
    """Return what no output may hold; of a long one neither its beginning nor its end, as where a value is cut."""
    if secret == SHORTEST:
        return {f":{secret}@", f"password={secret}", f'"password": "{secret}"', f"'PGPASSWORD': '{secret}'"}
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret)}
    forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], html.escape(json.dumps(secret))}
    forms |= {json.dumps(json.dumps(secret))[3:-3], base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]}
    return forms | ({secret[:12], secret[-12:]} if len(secret) > 40 else set())


PLACES = """
import json, logging, os, sys, warnings
from pathlib import Path
import psycopg, pytest

SHOWN = json.loads(os.environ["SHOWN"])
ALL = " | ".join(SHOWN)
SOME = SHOWN[::3]
NUMBERS = range(0, len(SHOWN), 3)

warnings.warn("at import: " + ALL)

@pytest.fixture
def password(postgres_db):
    Path(os.environ["PASSWORD_FILE"]).write_text(psycopg.conninfo.conninfo_to_dict(postgres_db.url)["password"])
    return psycopg.conninfo.conninfo_to_dict(postgres_db.url)["password"]

def test_locals(password, postgres_db):
    url = postgres_db.url
    environment = dict(os.environ)
    texts, everything = SHOWN, ALL
    of_server = {"url": url, "password": password, "again": [url] * 3}
    first, second = SHOWN[:len(SHOWN) // 2], SHOWN[len(SHOWN) // 2:]
    assert 0

@pytest.mark.parametrize("number", NUMBERS)
def test_local(number):
    text = SHOWN[number]
    long = "x" * 99 + " " + text + " " + "y" * 99
    assert text == long

def test_assertion(postgres_db):
    url = postgres_db.url
    assert url == "postgresql://h/db", url

def test_diff():
    assert SHOWN == [text + "!" for text in SHOWN]

def test_exception():
    try:
        raise OSError(ALL)
    except OSError as error:
        raise RuntimeError(SHOWN) from error

def test_connection(postgres_db):
    psycopg.connect(postgres_db.url.replace("postgresql://", "postgresql:/"))

def test_call(postgres_db):
    def connect(url, *, texts): raise ValueError(url)
    connect(postgres_db.url, texts=SHOWN)

def test_fail(): pytest.fail(ALL)
def test_fail_alone(): pytest.fail(ALL, pytrace=False)
def test_warning(): warnings.warn(ALL)
def test_skip(): pytest.skip(ALL)
@pytest.mark.skipif(True, reason=ALL)
def test_skipif(): pass
def test_xfail(): pytest.xfail(ALL)
@pytest.mark.xfail(reason=ALL)
def test_xfail_marker(): assert 0, ALL
@pytest.mark.xfail(reason=ALL)
def test_xpass(): pass

def said():
    print(ALL)
    print(ALL, file=sys.stderr)
    logging.getLogger("it").error(ALL)

def test_output_of_a_passing_one(): said()
def test_output_of_a_failing_one():
    said()
    assert 0

@pytest.mark.parametrize("text", SOME)
def test_parameter(text): assert not text

@pytest.mark.parametrize("text", SOME, ids=SOME)
def test_id(text): pass

@pytest.mark.parametrize("text", SOME, ids=str)
def test_ids(text): pass

@pytest.mark.parametrize("text", [pytest.param(text, id=text) for text in SOME])
def test_id_of_each(text): pass

def test_property(record_property): record_property("url", ALL)

@pytest.fixture
def broken(): raise OSError(ALL)
def test_setup(broken): pass

@pytest.fixture
def breaks():
    yield
    said()
    raise OSError(ALL)
def test_teardown(breaks): pass
"""

NOT_COLLECTED = """
import json, os
print(os.environ["SHOWN"])
raise RuntimeError(json.loads(os.environ["SHOWN"]))
"""


@pytest.fixture
def shown() -> list[str]:
    """Return every form of every secret."""
    secrets = {LONG: ENVIRONMENT["STAGING_USERNAME"], TOKEN: "", SHORT: "", SHORTEST: "app", "in-a-parameter": "app"}
    texts = [text for secret, user in secrets.items() for text in encoded(secret, user)]
    # A single letter stands in every text: it is known by its place alone.
    return [text for text in texts if text != SHORTEST and text != base64.b64encode(b"q").decode()]


@pytest.fixture
def secretive(project: Project, shown: list[str]) -> Iterator[Project]:
    """Return a project whose tests show all that they know."""
    for name, value in ENVIRONMENT.items():
        project.env.setenv(name, value)
    project.env.setenv("SHOWN", json.dumps(shown))
    project.env.setenv("PASSWORD_FILE", str(project.runtime / "known-to-the-test"))
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "embedded")
    project.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    project.env.setenv("GITHUB_ACTIONS", "true")
    project.env.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    project.env.setenv("GITLAB_CI", "true")
    project.configure('html = true\n[tool.test_framework.services.postgres]\nurl_env = ["OUR_DATABASE"]')
    project.write("tests/integration/test_places.py", PLACES)
    yield project

    def ended() -> bool:
        # Where no test was collected, a supervisor may answer for the first time when the run has long ended.
        project.stop_supervisors()
        return not [*project.runtime.glob("test-framework-*-postgres-*")]

    wait_until(ended, "the servers' folders are gone", 60)


def spawned(project: Project, *options: str) -> pytest.RunResult:
    """Run pytest on it, which has much to print."""
    return project.pytester.runpytest_subprocess(*options, timeout=240)


def leaks(project: Project, said: Mapping[str, str], more: tuple[str, ...] = ()) -> str:
    """Return where something of a secret stands, in what was said and in each file."""
    wanted = {form for secret in (LONG, TOKEN, SHORT, SHORTEST, "in-a-parameter", *more) for form in searched(secret)}
    places = dict(said)
    for path in [*files_below(project.path), *files_below(project.runtime)]:
        # Files of passwords are the servers' and their clients'; what a server that runs has removed is no place.
        with suppress(FileNotFoundError):
            if path.is_file() and not path.name.startswith(("pgpass-", "redis-", "known-to-the-test")):
                places[str(path)] = path.read_bytes().decode(errors="replace")
    found = []
    for place, text in places.items():
        found += [f"{place}: {form!r} in {_around(form, text)!r}" for form in wanted if form in text]
    return "\n".join(found)


def _around(form: str, text: str) -> str:
    at = text.find(form)
    return text[max(0, at - 150) : at + len(form) + 50]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["here", "in workers"])
def test_a_run_shows_no_secret(secretive: Project, workers: list[str]) -> None:
    """In no place, in no form: on the screen and in every file that is left."""
    options = ["-l", "-rA", "-vv", "--color=yes", "--log-file=it.log", "-o", "junit_logging=all", *workers]
    if not workers:
        options += ["--setup-show", "-o", "log_cli=true"]
    result = spawned(secretive, "--tier", "integration", *options)
    said = {"output": "\n".join([*result.outlines, *result.errlines])}
    password = (secretive.runtime / "known-to-the-test").read_text()
    assert len(password) > 20
    assert leaks(secretive, said, (password, password[:10])) == ""
    report = secretive.report("integration")
    assert report["counts"]["failed"] + report["counts"]["errors"] > 20, said["output"]
    assert report["services"]["postgres"]["provider"] == "embedded"
    assert len(ET.parse(secretive.path / "reports/integration.xml").getroot()[0]) >= len(report["tests"])  # noqa: S314
    assert (secretive.path / "summary.md").read_text().startswith("## ❌ Red")
    for name in ("reports/index.html", "it.log"):
        assert "***" in (secretive.path / name).read_text(), name
    assert "***" in said["output"]


def test_without_a_tier_it_is_the_same(secretive: Project) -> None:
    """Also in a file of JUnit that somebody asks for."""
    result = spawned(secretive, "-l", "-rA", "--junitxml=it.xml", "tests/integration/test_places.py")
    said = {"output": "\n".join([*result.outlines, *result.errlines])}
    password = (secretive.runtime / "known-to-the-test").read_text()
    assert leaks(secretive, said, (password,)) == ""
    assert "***" in (secretive.path / "it.xml").read_text()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["here", "in workers"])
def test_a_file_that_is_not_collected_shows_none(secretive: Project, workers: list[str]) -> None:
    """Its error, and what it printed."""
    secretive.write("tests/integration/test_broken.py", NOT_COLLECTED)
    result = spawned(secretive, "--tier", "integration", "-l", *workers)
    said = {"output": "\n".join([*result.outlines, *result.errlines])}
    assert leaks(secretive, said) == ""
    (broken,) = [test for test in secretive.report("integration")["tests"] if "test_broken" in test["nodeid"]]
    assert "***" in broken["failure"]["text"]


COMMANDS = (
    ["doctor"],
    ["doctor", "--json"],
    ["doctor", "--settings"],
    ["validate"],
    ["validate", "--json"],
    ["status"],
    ["status", "--json"],
    ["exec", "--service", "postgres", "--service", "redis", "--", "true"],
    ["exec", "--env", "A={redis.nope}", "--", "true"],
    ["report", "merge", "reports", "--out", "merged.json"],
    ["report", "html"],
    ["health", "check"],
    ["run", "--category", "integration"],
    ["clean"],
)


def test_commands_show_none(secretive: Project) -> None:
    """Each of ours that knows a setting or reads a report; a staging that is nowhere, URLs where nobody listens."""
    secretive.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit,staging,embedded")
    secretive.env.setenv("STAGING_BACKEND_URL", f"http://somebody:{quote(LONG, safe='')}@127.0.0.1:1/")
    secretive.env.setenv("STAGING_POSTGRES_URL", "postgresql://127.0.0.1:1/db?password=in-a-parameter")
    secretive.write("tests/integration/test_places.py", "def test_it(redis): pass\n")
    said = {}
    for command in COMMANDS:
        ran = subprocess.run(
            [sys.executable, "-m", "test_framework", *command],
            cwd=secretive.path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ,
        )
        said[" ".join(command)] = ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr, ran.stderr
    assert leaks(secretive, said) == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TEST_FRAMEWORK_GATE", TOKEN),
        ("TEST_FRAMEWORK_POSTGRES_PROVIDERS", TOKEN),
        ("TEST_FRAMEWORK_START_SECONDS", f"redis://:{SHORT}@h"),
        ("TEST_FRAMEWORK_REDIS_URL_OF", f"redis://:{SHORT}@h"),
        ("TEST_FRAMEWORK_REDIS_ISOLATION", f"password={SHORT}"),
    ],
)
def test_an_error_of_the_settings_shows_none(secretive: Project, variable: str, value: str) -> None:
    """A secret that stands where it does not belong is part of what is wrong, and is not told."""
    secretive.env.setenv(variable, value)
    command = [sys.executable, "-m", "test_framework", "doctor"]
    ran = subprocess.run(command, cwd=secretive.path, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert variable.lower().endswith(("gate", "providers", "seconds", "url_of", "isolation"))
    assert leaks(secretive, {"doctor": ran.stdout + ran.stderr}) == ""
    result = spawned(secretive, "--tier", "integration")
    assert leaks(secretive, {"pytest": "\n".join([*result.outlines, *result.errlines])}) == ""
