"""The fixtures in runs of pytest on throw-away projects: what is reported, refused, kept and hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import psycopg
import pytest

# Imported here, so that a run inside of a test does not import them anew.
import test_framework.services.postgres
import test_framework.supervisor.local  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.resolution import Endpoint
    from tests.conftest import Project

TEST = "tests/integration/test_it.py"
SECRET = "s3cr3t-that-nobody-may-see"


def value(url: str, statement: str) -> object:
    """Return the first value of the first row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def with_changes(url: str, *, user: str = "", password: str = "", path: str = "") -> str:
    """Return a URL with parts of it replaced."""
    parts = urlsplit(url)
    login = f"{user or parts.username or ''}:{password or parts.password or ''}"
    netloc = f"{login}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc, path=path or parts.path))


@pytest.fixture
def project(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project, with a cache for what the start of a server makes that lasts as long as this session."""
    project.env.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    return project


@pytest.fixture
def served(project: Project, postgres: Endpoint, redis: Endpoint, near: Callable[[str], str]) -> Project:
    """Return the project with the addresses of our servers in its environment."""
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit")
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_URL", near(postgres.url))
    project.env.setenv("TEST_FRAMEWORK_REDIS_URL", near(redis.url))
    return project


def texts(project: Project, result: pytest.RunResult) -> str:
    """Return everything that a run has printed or written about itself."""
    written = [*(project.path / "reports").iterdir(), *project.runtime.glob("*/*/supervisor.log")]
    return "\n".join([result.stdout.str(), result.stderr.str(), *(p.read_text(encoding="utf-8") for p in written)])


def skips(project: Project, tier: str = "integration") -> dict[str, str]:
    """Return the code of each skip of the last run, by the test's name."""
    return {s["nodeid"].rpartition("::")[2]: s["code"] for s in project.report(tier)["skips"]}


def test_a_report_says_what_each_test_ran_on(served: Project, postgres: Endpoint) -> None:
    """Provider and version stand in the report, in the summary, and as properties in JUnit's file."""
    served.write(TEST, "def test_uses(postgres_db): pass\ndef test_uses_not(): pass\n")
    result = served.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"postgres {postgres.version}* on explicit: 1 test"])
    report = served.report("integration")
    told = {t["nodeid"].rpartition("::")[2]: t["services"] for t in report["tests"]}
    assert told == {
        "test_uses": {"postgres": {"provider": "explicit", "version": postgres.version}},
        "test_uses_not": {},
    }
    assert (report["services"]["postgres"]["provider"], report["services"]["postgres"]["version"]) == (
        "explicit",
        postgres.version,
    )
    cases = ET.parse(served.path / "reports" / "integration.xml").getroot().iter("testcase")  # noqa: S314  # our own
    found = {c.get("name"): {p.get("name"): p.get("value") for p in c.iter("property")} for c in cases}
    assert found == {
        "test_uses": {"postgres.provider": "explicit", "postgres.version": postgres.version},
        "test_uses_not": {},
    }


PRINTS = """
from urllib.parse import urlsplit

def test_prints(redis):
    print("the word is", urlsplit(redis.url).password, "and nothing else")

def test_fails(postgres):
    url = postgres.url
    try:
        raise ValueError(url)
    except ValueError as error:
        assert urlsplit(url).password == "another"
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_no_password_is_shown(served: Project, workers: list[str], postgres: Endpoint, redis: Endpoint) -> None:
    """Of what a test had, by itself and in what the test prints: on the screen, and in no file."""
    served.write(TEST, PRINTS)
    result = served.spawn("--tier", "integration", "-o", "junit_logging=all", "-rP", "--showlocals", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    screen = str(result.stdout)
    assert screen.count("the word is *** and nothing else") == 1
    assert "assert '***' == 'another'" in screen
    assert "During handling of the above exception" in screen
    junit, report = ((served.path / f"reports/integration.{kind}").read_text() for kind in ("xml", "json"))
    assert "the word is *** and nothing else" in junit
    assert "assert '***' == 'another'" in junit
    for endpoint in (postgres, redis):
        password = urlsplit(endpoint.url).password
        assert password
        assert password not in screen + junit + report


def test_no_password_is_shown_without_a_tier(served: Project, postgres: Endpoint) -> None:
    """Nor is it then."""
    served.write(TEST, PRINTS)
    result = served.spawn(TEST)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "assert '***' == 'another'" in str(result.stdout)
    assert str(urlsplit(postgres.url).password) not in str(result.stdout)


def test_a_provider_below_what_is_required_is_red(served: Project) -> None:
    """The tests pass, and the run does not, since they ran on less than they had to."""
    served.write(TEST, "def test_uses(redis_db): pass\n")
    served.env.setenv("COLUMNS", "120")
    result = served.spawn("--tier", "integration", "--require", "docker,embedded")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "red: redis ran on explicit, and docker or embedded is required; 1 passed on explicit" in result.outlines
    assert served.report("integration")["outcome"] == "passed"


def test_a_database_template_that_fails_is_shown(served: Project) -> None:
    """The statement, its line and the server's words, for each test that wanted the database, and no traceback."""
    served.configure("services.postgres.template = ['good.sql', 'bad.sql']")
    served.write("good.sql", "CREATE TABLE good (id int);")
    served.write("bad.sql", "CREATE TABLE author (id int);\n\nINSERT INTO authro\n  VALUES (1);\nSELECT 1;")
    served.write(TEST, "def test_uses(postgres_db): pass\ndef test_uses_too(postgres_db): pass\n")
    result = served.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert served.report("integration")["counts"] == {"passed": 0, "failed": 0, "errors": 2, "skipped": 0}
    result.stdout.fnmatch_lines(["template-failed: *bad.sql failed: *at line 3: INSERT INTO authro VALUES (1)*"])
    assert 'relation "authro" does not exist' in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "During handling" not in result.stdout.str()


def test_a_database_template_that_goes_during_the_run_is_named(served: Project) -> None:
    """The file is named, and nothing is skipped."""
    served.configure("services.postgres.template = ['schema.sql']")
    schema = served.write("schema.sql", "CREATE TABLE author (id int);")
    served.write("conftest.py", f"import os\ndef pytest_collection_finish(): os.unlink({str(schema)!r})\n")
    served.write(TEST, "def test_uses(postgres_db): pass\n")
    result = served.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["template-failed: *schema.sql failed: cannot read it: No such file or directory*"])


def test_a_database_template_may_be_code(served: Project) -> None:
    """A function of the project's gets the URL of an empty database, and every test a copy of what it has made."""
    served.configure("services.postgres.template = 'app.db:build'")
    served.write("app/__init__.py", "")
    text = """
import psycopg

def build(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE made AS SELECT 'by code' AS how")
"""
    served.write("app/db.py", text)
    text = """
import psycopg, pytest

@pytest.mark.parametrize("number", range(2))
def test_uses(postgres_db, number):
    with psycopg.connect(postgres_db.url) as connection:
        assert connection.execute("SELECT * FROM made").fetchall() == [("by code",)]
        connection.execute("INSERT INTO made VALUES ('by test')")
"""
    served.write(TEST, text)
    assert served.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert served.report("integration")["counts"]["passed"] == 2


def test_a_database_template_whose_code_fails_is_shown(served: Project, postgres: Endpoint) -> None:
    """What the code raised is the message, the traceback of that code is the log, and no password is in either."""
    served.configure("services.postgres.template = 'app:build'")
    served.write("app.py", "def build(url):\n    raise RuntimeError(f'cannot migrate {url}')\n")
    served.write(TEST, "def test_uses(postgres_db): pass\n")
    result = served.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["template-failed: *app:build failed: RuntimeError: cannot migrate postgres*", "*app.py*"]
    )
    password = urlsplit(postgres.url).password
    assert password
    assert password not in texts(served, result)


def test_a_server_of_ones_own_by_another_variable(
    served: Project, postgres: Endpoint, near: Callable[[str], str]
) -> None:
    """`url_env` names further variables, such as the one that the application itself reads."""
    served.configure("services.postgres.url_env = ['OTHER_URL', 'DATABASE_URL']")
    served.env.delenv("TEST_FRAMEWORK_POSTGRES_URL")
    served.env.setenv("DATABASE_URL", near(postgres.url))
    served.write(TEST, f"def test_uses(postgres):\n    assert postgres.version == {postgres.version!r}\n")
    assert served.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert served.report("integration")["services"]["postgres"]["provider"] == "explicit"


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_wrong_password_fails(
    served: Project, service: str, postgres: Endpoint, redis: Endpoint, near: Callable[[str], str]
) -> None:
    """It is a failure and no skip, whatever other provider there is, and the password is in nothing that is written."""
    server = {"postgres": postgres, "redis": redis}[service]
    variable = f"TEST_FRAMEWORK_{service.upper()}_URL"
    served.env.setenv(variable, with_changes(near(server.url), password=SECRET))
    served.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit,embedded,docker")
    served.write(TEST, f"def test_uses({service}): pass\n")
    result = served.spawn("--tier", "integration", "-vv", "--showlocals", "--tb=long")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = served.report("integration")
    assert report["counts"] == {"passed": 0, "failed": 0, "errors": 1, "skipped": 0}
    assert [a["code"] for a in report["services"][service]["attempts"]] == ["login-failed"]
    result.stdout.fnmatch_lines([f"login-failed: *127.0.0.1:* refused the login: *{variable}*"])
    text = texts(served, result)
    assert "supervisor" in text
    assert SECRET not in text


GUARDED = """
import pytest

def test_plain(postgres): pass
@pytest.mark.staging
def test_staging(postgres): pass
@pytest.mark.staging_safe
def test_safe(postgres): pass
@pytest.mark.connectivity_check
def test_check(postgres): pass
@pytest.mark.staging
@pytest.mark.staging_safe
def test_both(postgres): pass
@pytest.mark.docker_required
@pytest.mark.staging_safe
def test_docker(postgres): pass
@pytest.mark.staging_safe
class TestIt:
    def test_method(self, postgres): pass
"""


def test_what_may_write_does_not_reach_staging(
    project: Project, postgres: Endpoint, near: Callable[[str], str]
) -> None:
    """Only a test that says it is safe runs there, also when staging is on this machine."""
    project.env.setenv("STAGING_POSTGRES_URL", near(postgres.url))
    project.write(TEST, GUARDED)
    result = project.spawn("--tier", "integration", "--environment", "staging")
    assert result.ret == pytest.ExitCode.OK
    assert skips(project) == {
        "test_plain": "destructive",
        "test_staging": "destructive",
        "test_docker": "provider-disabled",
    }
    report = project.report("integration")
    ran = [t["nodeid"].rpartition("::")[2] for t in report["tests"] if t["outcome"] == "passed"]
    assert ran == ["test_safe", "test_check", "test_both", "test_method"]
    assert report["services"]["postgres"]["provider"] == "staging"
    password = urlsplit(postgres.url).password
    assert password
    assert password not in texts(project, result)


def test_a_server_of_ones_own_on_this_machine_may_be_written(served: Project) -> None:
    """What a person has named, on the loopback network, needs no mark; a test for another provider is skipped."""
    served.write(TEST, GUARDED)
    assert served.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert skips(served) == dict.fromkeys(("test_staging", "test_both", "test_docker"), "provider-disabled")


SAFE = "import pytest\n@pytest.mark.staging_safe\ndef test_safe(postgres): pass\n"


@pytest.fixture
def in_process(project: Project) -> Project:
    """Return a project with a test that is safe on staging, whose runs ask for services in this process."""
    project.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
    project.write("tests/unit/test_it.py", SAFE)
    return project


@pytest.mark.parametrize(
    ("variable", "provider"), [("STAGING_POSTGRES_URL", "staging"), ("TEST_FRAMEWORK_POSTGRES_URL", "explicit")]
)
@pytest.mark.parametrize(
    "rest",
    ["db.staging.invalid/app", "127.0.0.1/app?host=db.staging.invalid", "/app?host=db.staging.invalid"],
    ids=["host", "query beside a host", "query alone"],
)
def test_a_host_elsewhere_must_be_allowed(in_process: Project, variable: str, provider: str, rest: str) -> None:
    """Without the allow-list nothing is sent to it, not even a question for its address, wherever the URL names it."""
    in_process.env.setenv("TEST_FRAMEWORK_PROVIDERS", provider)
    in_process.env.setenv(variable, f"postgresql://app:{SECRET}@{rest}")
    result = in_process.run("--tier", "unit")
    assert result.ret == pytest.ExitCode.OK
    assert skips(in_process, "unit") == {"test_safe": "host-not-allowed"}
    result.stdout.fnmatch_lines(
        [
            "*host-not-allowed: db.staging.invalid,*",
            "*allowed_hosts*",
            "*=db.staging.invalid.*",
        ]
    )
    assert SECRET not in texts(in_process, result)


@pytest.mark.parametrize("allowed", ["db.staging.invalid", "*.staging.invalid"])
def test_a_host_that_is_allowed_is_asked(in_process: Project, allowed: str) -> None:
    """By its name or by a pattern."""
    in_process.env.setenv("TEST_FRAMEWORK_PROVIDERS", "staging")
    in_process.env.setenv("TEST_FRAMEWORK_ALLOWED_HOSTS", allowed)
    in_process.env.setenv("STAGING_POSTGRES_URL", "postgresql://app@db.staging.invalid/app")
    assert in_process.run("--tier", "unit").ret == pytest.ExitCode.OK
    assert skips(in_process, "unit") == {"test_safe": "name-unresolved"}


def test_what_is_set_can_be_insisted_on(served: Project) -> None:
    """With `--use-real-services` a test whose service cannot be had fails, and one whose service can runs."""
    served.env.delenv("TEST_FRAMEWORK_REDIS_URL")
    text = """
import pytest

@pytest.mark.real_services("postgres")
def test_had(services):
    assert services["postgres"].provider == "explicit"

@pytest.mark.real_services("redis")
def test_not_had(): pass

@pytest.mark.real_services
def test_all_of_the_tier(): pass
"""
    served.write(TEST, text)
    assert served.spawn("--tier", "integration", "--use-real-services").ret == pytest.ExitCode.TESTS_FAILED
    outcomes = {t["nodeid"].rpartition("::")[2]: t["outcome"] for t in served.report("integration")["tests"]}
    assert outcomes == {"test_had": "passed", "test_not_had": "error", "test_all_of_the_tier": "error"}


FAILS = """
import psycopg

def test_fails(postgres_db):
    with psycopg.connect(postgres_db.url) as connection:
        connection.execute("CREATE TABLE evidence AS SELECT 'here' AS place")
    assert 0

def test_passes(postgres_db): pass
"""


def test_the_database_of_a_failed_test_is_kept(project: Project) -> None:
    """The URL in the summary can be used as it is, by this user, and holds no password."""
    project.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "docker,embedded")
    project.env.setenv("COLUMNS", "500")
    project.write(TEST, FAILS)
    result = project.spawn("--tier", "integration")
    try:
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        line = result.outlines[result.outlines.index("kept for you to look at:") + 1]
        found = re.fullmatch(rf"  postgres (\S+) \({re.escape(TEST)}::test_fails\)", line)
        assert found is not None
        url = found[1]
        assert urlsplit(url).password is None
        assert value(url, "SELECT place FROM evidence") == "here"
        (kept,) = [t["kept"] for t in project.report("integration")["tests"] if "kept" in t]
        assert kept == [f"postgres {url}"]
    finally:
        stopped = project.stop_supervisors()
    assert stopped == [True]


def test_without_a_supervisor_it_is_the_same(project: Project) -> None:
    """The servers are the process's own then, and gone with it; nothing is kept, and no supervisor is started."""
    project.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "docker,embedded")
    text = """
import redis

def test_redis(redis_db):
    with redis.Redis.from_url(redis_db.url) as client:
        assert client.dbsize() == 0
        client.set("a", "b")
"""
    project.write(TEST, FAILS + text)
    result = project.spawn("--tier", "integration")
    report = project.report("integration")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert report["counts"] == {"passed": 2, "failed": 1, "errors": 0, "skipped": 0}
    assert not [line for line in result.outlines if "kept" in line]
    assert not list(project.runtime.glob("*/*/supervisor.log"))
    assert not [p for p in project.runtime.rglob("*") if p.name.endswith("server.log")]
