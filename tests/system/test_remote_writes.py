"""Nothing that writes reaches another machine by itself, whatever a URL looks like and whatever libpq is told."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import Checkout
from tests.support.far_postgres import FAR, NEEDED, FarPostgres
from tests.support.run import RUN_SECONDS, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.place import Place

pytestmark = pytest.mark.needs(*NEEDED)

URL = "TEST_FRAMEWORK_POSTGRES_URL"

BROKER = """
[tool.test_framework.services.broker]
image = "nats:2"
port = 4222
url_format = "nats://{host}:{port}"
url_env = ["BROKER"]
"""

TESTS = """
import os

import psycopg


def test_a_database_of_its_own(postgres_db):
    with psycopg.connect(postgres_db.url) as connection:
        connection.execute("CREATE TABLE book (title text)")


def test_the_server(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS written (title text)")


def test_engine(postgres_engine):
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE book (title text)")
"""


@pytest.fixture(scope="module")
def far() -> Iterator[FarPostgres]:
    """Return the two servers."""
    with FarPostgres() as servers:
        yield servers


@pytest.fixture
def project(far: FarPostgres, embedded_place: Place) -> Checkout:
    """Return a project whose tests write."""
    project = Checkout(embedded_place, "explicit", ("postgres",), env={"HOME": str(far.home)})
    project.write("tests/integration/test_services.py", TESTS)
    far.reaches()
    return project


REFUSED = {
    "a name below localhost that DNS leads elsewhere": ("foo.localhost/app", "host-not-allowed", "foo.localhost"),
    "a name that leads here and elsewhere": ("both.localhost/app", "host-not-allowed", "both.localhost"),
    "an address beside the host": (f"localhost/app?hostaddr={FAR}", "host-not-allowed", FAR),
    "a host in the query": (f"localhost/app?host={FAR}", "host-not-allowed", FAR),
    "several hosts in the query": (f"/app?host=/nonexistent,{FAR}", "wrong-service", "several hosts"),
    "several hosts": (f"127.0.0.1:1,{FAR}:5432/app", "wrong-service", "several hosts"),
    "a service in the query": ("/?service=prod", "wrong-service", "service in its query"),
    "a host after a question mark": (f"localhost?x@{FAR}/app", "wrong-service", "%40"),
}
"""What follows the user in a URL that leads elsewhere, the code with which it is refused, and what the reason names."""

NEAR: dict[str, dict[str, str]] = {
    "all of libpq's variables, beside a URL with a host": {
        URL: "postgresql://app@localhost/app",
        "PGHOST": FAR,
        "PGHOSTADDR": FAR,
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "PGPASSFILE": "HOME/passfile",
        "PGSERVICE": "prod",
        "PGTARGETSESSIONATTRS": "standby",
        "PGLOADBALANCEHOSTS": "random",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "system",
        "PGSSLNEGOTIATION": "direct",
        "PGCHANNELBINDING": "require",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGREQUIREPEER": "nobody",
        "PGGSSENCMODE": "require",
        "PGOPTIONS": "-c nonsense=1",
        "PGAPPNAME": "test-framework",
    },
    "a host and a service, beside a URL without a host": {
        URL: "postgresql://app@/app",
        "PGHOST": FAR,
        "PGSERVICE": "prod",
        "PGSERVICEFILE": "HOME/other.conf",
    },
    "a service that is not there": {URL: "postgresql://app@127.0.0.1/app", "PGSERVICE": "nowhere"},
    "an allowed name of this machine": {
        URL: "postgresql://app@near.example/app",
        "TEST_FRAMEWORK_ALLOWED_HOSTS": "near.example",
    },
}
"""What libpq is told beside a URL of this machine."""


def there(project: Checkout, far: FarPostgres, *args: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in that network."""
    return subprocess.run(
        [*far.at(project.root), sys.executable, *args],
        capture_output=True,
        text=True,
        check=False,
        env=project.env({name: value.replace("HOME/", f"{far.home}/") for name, value in env.items()}),
        timeout=RUN_SECONDS,
    )


def run(project: Checkout, far: FarPostgres, env: Mapping[str, str]) -> Run:
    """Run the project's tests in that network."""
    env = {name: value.replace("HOME/", f"{far.home}/") for name, value in env.items()}
    run = project.start(env=env, prefix=far.at(project.root))
    run.end()
    return run


def attempts(told: str, service: str) -> dict[str, dict[str, str]]:
    """Return what `doctor --json` says of each provider of a service."""
    return {attempt["provider"]: attempt for attempt in json.loads(told)["services"][service]["attempts"]}


@pytest.mark.parametrize("case", REFUSED)
def test_an_address_that_leads_elsewhere_is_refused(project: Checkout, far: FarPostgres, case: str) -> None:
    """Explicit and in staging, with a reason that names it; the other machine hears nothing at all."""
    rest, code, named = REFUSED[case]
    url = f"postgresql://{'' if rest.startswith(('localhost?', '/?')) else 'app@'}{rest}"
    env = {URL: url, "STAGING_POSTGRES_URL": url, "TEST_FRAMEWORK_PROVIDERS": "explicit,staging"}
    found = attempts(there(project, far, "-m", "test_framework", "doctor", "--json", env=env).stdout, "postgres")
    for provider in ("explicit", "staging"):
        assert found[provider]["code"] == code
        assert named in found[provider]["message"]
    assert far.heard() == []


def test_tests_do_not_write_elsewhere(project: Checkout, far: FarPostgres) -> None:
    """A name below localhost is nothing that DNS could not lead elsewhere."""
    ended = run(project, far, {URL: "postgresql://app@foo.localhost/app"})
    assert set(ended.outcomes().values()) == {"skipped"}
    assert {skip["code"] for skip in ended.report["skips"]} == {"host-not-allowed"}
    assert far.heard() == []


@pytest.mark.parametrize(
    "env",
    [
        {URL: "postgresql://app@far.example/app", "TEST_FRAMEWORK_ALLOWED_HOSTS": "*.EXAMPLE"},
        {"STAGING_POSTGRES_URL": "postgresql://app@127.0.0.1/app", "TEST_FRAMEWORK_PROVIDERS": "staging"},
    ],
    ids=["explicit and allowed", "staging on this machine"],
)
def test_a_server_that_may_be_asked_is_not_written_to(
    project: Checkout, far: FarPostgres, env: Mapping[str, str]
) -> None:
    """A test that does not say that it is safe has no part of it."""
    ended = run(project, far, env)
    assert set(ended.outcomes().values()) == {"skipped"}
    assert {skip["code"] for skip in ended.report["skips"]} == {"destructive"}
    assert far.made() == []
    for host in ("127.0.0.1", FAR):
        assert far.psql(host, "SELECT count(*) FROM pg_database WHERE datname LIKE 'tf%'") == "0"


@pytest.mark.parametrize("case", NEAR)
@pytest.mark.parametrize("supervisor", ["1", "0"])
def test_what_libpq_is_told_leads_nowhere_else(project: Checkout, far: FarPostgres, case: str, supervisor: str) -> None:
    """A URL of this machine is used as it is: by us, by our fixtures, and by the test's own `psycopg.connect`."""
    ended = run(project, far, {**NEAR[case], "TEST_FRAMEWORK_SUPERVISOR": supervisor})
    assert set(ended.outcomes().values()) == {"passed"}, ended.output
    assert far.heard() == []


def test_a_tier_that_does_not_name_postgres(project: Checkout, far: FarPostgres) -> None:
    """Its tests ask for a database by the fixture alone, in the middle of the run."""
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("services = ['postgres']", "services = []"))
    ended = run(project, far, NEAR["all of libpq's variables, beside a URL with a host"])
    assert set(ended.outcomes().values()) == {"passed"}, ended.output
    assert far.heard() == []


def test_a_command_is_given_no_server_elsewhere(project: Checkout, far: FarPostgres) -> None:
    """`exec` goes by the same rule, and libpq's variables do not lead its own questions elsewhere."""
    command = ("-m", "test_framework", "exec", "--service", "postgres", "--")
    done = there(project, far, *command, "true", env={URL: "postgresql://app@foo.localhost/app"})
    assert done.returncode != 0
    assert "host-not-allowed: foo.localhost" in done.stderr
    env = NEAR["a host and a service, beside a URL without a host"] | {URL: "postgresql://app@localhost/app"}
    done = there(project, far, *command, "psql", "-XAtc", "SELECT current_user, inet_server_addr()", env=env)
    assert done.stdout.strip() == "app|127.0.0.1", done.stderr
    assert far.heard() == []


def test_every_service_goes_by_the_same_rule(project: Checkout, far: FarPostgres) -> None:
    """Those that everybody has, and one of the project's own, explicit and in staging."""
    with (project.root / "pyproject.toml").open("a") as settings:
        settings.write(BROKER)
    env = {"BROKER": "nats://foo.localhost:4222", "TEST_FRAMEWORK_PROVIDERS": "explicit,staging"}
    env["STAGING_BROKER_URL"] = env["BROKER"]
    for name, scheme in {"REDIS": "redis", "CLICKHOUSE": "http"}.items():
        env |= dict.fromkeys((f"TEST_FRAMEWORK_{name}_URL", f"STAGING_{name}_URL"), f"{scheme}://foo.localhost")
    done = there(project, far, "-m", "test_framework", "doctor", "--json", env=env)
    for name in ("redis", "clickhouse", "broker"):
        found = attempts(done.stdout, name)
        assert {found[p]["code"] for p in ("explicit", "staging")} == {"host-not-allowed"}, name


def test_a_configuration_that_leads_elsewhere_is_no_good(project: Checkout, far: FarPostgres) -> None:
    """`validate` says so before anything is sent there."""
    env = {"STAGING_BACKEND_URL": "http://localhost", "STAGING_TOKEN": "x", "STAGING_AUTH_URL": "http://foo.localhost"}
    done = there(project, far, "-m", "test_framework", "validate", "--json", env=env)
    (line,) = (check for check in json.loads(done.stdout)["checks"] if check["check"] == "staging variables")
    assert not line["ok"]
    assert "foo.localhost (10.99.0.1), from STAGING_AUTH_URL" in line["message"]
