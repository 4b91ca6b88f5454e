"""`exec`: what a command is given, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from redis import Redis

from tests.conftest import wait_until
from tests.support.checkout import SERVICES, Checkout
from tests.support.execs import READY, SHOW, Execs
from tests.support.run import RUN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.resolution import Endpoint
    from tests.support.place import Place


@pytest.fixture
def execs(embedded_place: Place) -> Execs:
    """Return a project with embedded servers."""
    return Execs(Checkout(embedded_place, "embedded"))


@pytest.fixture
def on_each(place: Place, provider: str) -> Execs:
    """Return a project on one provider."""
    return Execs(Checkout(place, provider))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def listening() -> Iterator[int]:
    """Listen on a port, and answer nothing that a server would."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


class TestServers:
    """What suites take for granted of their servers."""

    def test_a_whole_server(self, on_each: Execs) -> None:
        """A role that may do all, a database `postgres` beside that of the URL, an empty Redis with 16 databases."""
        code = """
import json, os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE DATABASE shop")
    connection.execute("CREATE ROLE clerk LOGIN")
    names = [name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")]
# By libpq's own variables.
with psycopg.connect("", dbname="postgres") as connection:
    by_variables = connection.info.dbname
    (kept,) = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user").fetchone()
    (lower,) = connection.execute("SELECT lower('\u00c9')").fetchone()
client = redis.Redis.from_url(os.environ["REDIS_URL"])
asked = int(client.config_get("databases")["databases"])
sizes = [redis.Redis.from_url(os.environ["REDIS_URL"], db=number).dbsize() for number in range(asked)]
told = client.connection_pool.connection_kwargs
print(json.dumps([sorted(names), by_variables, kept, sizes, dict(os.environ), told["host"], str(told["port"]), lower]))
"""
        names, by_variables, kept, sizes, env, host, port, lower = json.loads(on_each.python(code))
        assert names == ["postgres", "shop", "test"]
        assert by_variables == "postgres"
        # Some clients refuse a server with fewer rounds of hashing than by default.
        assert kept.startswith("SCRAM-SHA-256$4096:")
        assert lower == "\u00e9"
        assert sizes == [0] * 16
        engine = (on_each.checkout.place.docker_env or {}).get("DOCKER_HOST", "unix://")
        address = "127.0.0.1" if engine.startswith("unix://") else host
        assert (env["PGHOST"], env["REDIS_HOST"], env["REDIS_PORT"]) == (address, host, port)
        login = f"{env['PGUSER']}:{env['PGPASSWORD']}@{env['PGHOST']}:{env['PGPORT']}"
        assert env["DATABASE_URL"] == f"postgresql://{login}/{env['PGDATABASE']}"

    def test_only_what_is_asked_for(self, execs: Execs) -> None:
        """Of a service that is not named there is no variable, no line and no server."""
        held = execs.hold("--service", "redis", env={"TEST_FRAMEWORK_IDLE_SECONDS": "60"})
        (supervisor,) = execs.checkout.status()
        assert [server["service"] for server in supervisor["servers"]] == ["redis"]
        execs.go()
        assert held.end() == 3
        assert [line.partition(" ")[0] for line in held.output.splitlines()] == ["exec:"]
        env = execs.variables("--service", "redis")
        assert "REDIS_URL" in env
        assert {name for name in env if name.startswith(("PG", "DATABASE"))} == set()
        assert "DATABASE_URL" in execs.variables("--service", "redis", "--service", "postgres")

    def test_they_end_with_the_command(self, execs: Execs) -> None:
        """What the command has left is gone with its servers, also where the supervisor stays warm."""
        warm = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}
        execs.python("import psycopg, os; psycopg.connect(os.environ['DATABASE_URL']).close()", env=warm)
        (supervisor,) = execs.checkout.status()
        assert (supervisor["servers"], supervisor["clients"]) == ([], [])

    def test_two_at_once(self, execs: Execs) -> None:
        """What one command makes, the other can make too."""
        make = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE DATABASE shop")
    connection.execute("CREATE ROLE clerk")
client = redis.Redis.from_url(os.environ["REDIS_URL"])
assert client.set("title", "Kindred", nx=True)
"""
        execs.checkout.write("make.py", make)
        held = execs.start("--", "sh", "-c", f'{sys.executable} make.py && exec {sys.executable} -c "$0"', READY)
        wait_until((execs.root / "ready").exists, "the first has made it", RUN_SECONDS)
        execs.python(make)
        execs.go()
        assert held.end() == 3

    def test_a_server_for_as_long_as_the_command(self, execs: Execs) -> None:
        """Servers that end at once after their last lease are there until the command ends."""
        code = "import os, time, redis; time.sleep(1); print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())"
        assert execs.python(code, "--service", "redis", env={"CI": "1"}) == "True\n"

    def test_without_a_supervisor(self, execs: Execs) -> None:
        """The process itself owns them, and ends them."""
        env = {"TEST_FRAMEWORK_SUPERVISOR": "0"}
        code = "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())"
        assert execs.python(code, "--service", "redis", env=env) == "True\n"
        assert execs.checkout.place.supervisors() == []
        execs.checkout.place.is_empty(containers=False)

    def test_a_server_that_dies(self, execs: Execs) -> None:
        """It is told, and the command's own status is what counts."""
        code = "import os, redis, sys; redis.Redis.from_url(os.environ['REDIS_URL']).shutdown(); sys.exit(4)"
        result = execs.run("--service", "redis", "--", sys.executable, "-c", code)
        assert result.returncode == 4
        assert "server-died: redis on embedded" in result.stderr

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_nothing_is_left(self, execs: Execs, number: signal.Signals) -> None:
        """However it ends."""
        run = execs.start("--", "sleep", "60")
        # Its servers are on their way.
        wait_until(lambda: bool(execs.checkout.place.supervisors()), "it has asked for them")
        run.kill(number)
        for process in execs.checkout.place.processes("sleep 60"):
            # Nobody is left to pass a signal on to it.
            process.kill()
        execs.checkout.place.is_empty(containers=False)

    def test_nothing_is_left_of_servers_in_use(self, execs: Execs) -> None:
        """Nor when it is killed while its command runs, whose servers nobody else holds."""
        run = execs.hold()
        assert len(execs.checkout.place.servers()) == len(SERVICES)
        run.kill()
        for process in execs.checkout.place.processes(READY):
            # Nobody is left to pass a signal on to it.
            process.kill()
        execs.checkout.place.is_empty(containers=False)


class TestVariables:
    """What the command is told."""

    def test_names_of_the_users_own(self, execs: Execs) -> None:
        """Fields of what was asked for, in any variable, over the usual ones."""
        env = execs.variables(
            "--env",
            "DSN={postgres.user}|{postgres.password}|{postgres.host}|{postgres.port}|{postgres.database}",
            "--env",
            "BOTH={{{postgres.url} {redis.url}}}",
            "--env",
            "REDIS_HOST=localhost",
        )
        names = ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE")
        assert env["DSN"] == "|".join(env[name] for name in names)
        assert env["BOTH"] == f"{{{env['DATABASE_URL']} {env['REDIS_URL']}}}"
        assert env["REDIS_HOST"] == "localhost"

    def test_an_unknown_field(self, execs: Execs) -> None:
        """One error that names the choices: those of the services that were asked for."""
        said = execs.refused("--service", "redis", "--env", "SECRET=hunter2{redis.hots}", status=2)
        assert "unknown field 'redis.hots' in --env SECRET. Did you mean 'redis.host'?" in said
        assert "redis.url" in said
        assert "postgres" not in said
        assert "hunter2" not in said

    @pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE", "PGSSLMODE"])
    def test_what_leads_elsewhere_is_left_out(self, execs: Execs, name: str) -> None:
        """A variable of the user's shell does not send the command to another server than its own."""
        values = {"PGHOSTADDR": "127.0.0.9", "PGSERVICE": "mine", "PGSSLMODE": "require"}
        code = "import psycopg; print(psycopg.connect('').info.dbname)"
        assert execs.python(code, "--service", "postgres", env={name: values[name]}) == "test\n"

    def test_secrets_are_not_shown(self, execs: Execs) -> None:
        """Neither in the lines nor in the supervisor's log."""
        result = execs.run("--", sys.executable, "-c", SHOW)
        env = json.loads(result.stdout)
        log = execs.checkout.place.log()
        secrets = [env["PGPASSWORD"], env["REDIS_URL"].partition("default:")[2].partition("@")[0]]
        assert all(len(secret) > 20 for secret in secrets)
        assert [secret for secret in secrets if secret in result.stderr or secret in log] == []
        assert "postgres" in result.stderr


class TestPort:
    """`--port`."""

    @pytest.mark.usefixtures("here")
    def test_a_fixed_port(self, on_each: Execs) -> None:
        """Each at the port that it was asked to have, and again as soon as the command has ended."""
        ports = {name: free_port() for name in SERVICES}
        options = [part for name, port in ports.items() for part in ("--port", f"{name}={port}")]
        for _ in range(2):
            env = on_each.variables(*options)
            assert {"postgres": int(env["PGPORT"]), "redis": int(env["REDIS_PORT"])} == ports

    def test_a_port_that_is_taken(self, on_each: Execs) -> None:
        """One line says which, who has it and what to do, and the server that is there is not taken for ours."""
        with listening() as port:
            said = on_each.refused("--service", "redis", "--port", f"redis={port}", "--no-password", status=125)
        assert (
            f"redis is unavailable: port-taken: port {port} (from --port redis={port}): Address already in use, by "
            in said
        )
        assert f"(process {os.getpid()})" in said
        assert "Stop the program that uses it, or choose another port." in said
        assert len(said.splitlines()) == 1

    def test_a_port_of_a_redis(self, execs: Execs) -> None:
        """Not even one that would answer all our questions."""
        code = f"""
import os, subprocess, sys
again = ["--service", "redis", "--no-password", "--port", "redis=" + os.environ["REDIS_PORT"], "--", "true"]
sys.exit(subprocess.run({execs.command()} + again).returncode)
"""
        result = execs.run("--service", "redis", "--no-password", "--", sys.executable, "-c", code)
        assert result.returncode == 125, result.stderr
        assert "Address already in use" in result.stderr

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("redis=0", "redis = '0' in --port must be a port from 1 to 65535"),
            ("redis=65536", "redis = '65536' in --port must be a port from 1 to 65535"),
            ("redis", "redis = '' in --port must be a port from 1 to 65535"),
            ("postgres=5432", "unknown service 'postgres' in --port. Choices: redis."),
        ],
    )
    def test_what_is_no_port(self, execs: Execs, text: str, said: str) -> None:
        """The error names the value and what it could be."""
        assert said in execs.refused("--service", "redis", "--port", text, status=2)


class TestPassword:
    """`--no-password`."""

    LOGIN = """
import os, psycopg, redis
del os.environ["PGPASSWORD"]
said = []
try:
    psycopg.connect("").close()
    psycopg.connect("", password="anything").close()
    said.append("postgres")
except psycopg.OperationalError:
    pass
try:
    redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"])).ping()
    said.append("redis")
except redis.AuthenticationError:
    pass
print(*said)
"""

    @pytest.mark.usefixtures("here")
    def test_none(self, on_each: Execs) -> None:
        """Anybody on this machine may log in; Postgres takes any password."""
        assert on_each.python(self.LOGIN, "--no-password") == "postgres redis\n"

    def test_one_by_default(self, on_each: Execs) -> None:
        """Nobody may without it."""
        assert on_each.python(self.LOGIN) == "\n"


@pytest.mark.requires("postgres", "redis")
class TestExplicit:
    """A server that somebody else runs."""

    @pytest.fixture
    def env(self, postgres: Endpoint, redis: Endpoint, near: Callable[[str], str]) -> dict[str, str]:
        """Return the variables that name the servers of this run."""
        return {
            "TEST_FRAMEWORK_PROVIDERS": "explicit",
            "TEST_FRAMEWORK_POSTGRES_URL": near(postgres.url),
            "TEST_FRAMEWORK_REDIS_URL": near(redis.url),
        }

    def test_a_part_of_it(self, execs: Execs, env: dict[str, str], postgres: Endpoint, redis: Endpoint) -> None:
        """The command gets a database and a keyspace of its own there, and they are gone when it has ended."""
        code = """
import json, os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE TABLE book (title text)")
client = redis.Redis.from_url(os.environ["REDIS_URL"])
found = client.dbsize()
client.set("title", "Kindred")
print(json.dumps([os.environ["PGDATABASE"], client.connection_pool.connection_kwargs["db"], found]))
"""
        name, number, found = json.loads(execs.python(code, env=env))
        assert name.startswith("tf_")
        assert number != 0
        assert found == 0
        assert name not in _databases(postgres)
        with Redis.from_url(redis.url, db=number) as client:
            # The next one that is given this keyspace may be using it by now.
            assert client.get("title") is None

    def test_it_stays_where_it_is(self, execs: Execs, env: dict[str, str]) -> None:
        """Another port is an error that says what to do."""
        said = execs.refused("--service", "redis", "--port", f"redis={free_port()}", status=2, env=env)
        assert "cannot use that port. Set TEST_FRAMEWORK_REDIS_PROVIDERS=docker,embedded" in said

    def test_it_keeps_its_password(self, execs: Execs, env: dict[str, str]) -> None:
        """So is one that it asks for."""
        said = execs.refused("--service", "redis", "--no-password", status=2, env=env)
        assert "requires one. Set TEST_FRAMEWORK_REDIS_PROVIDERS=docker,embedded" in said

    def test_staging(self, execs: Execs, near: Callable[[str], str], undisturbed: Endpoint) -> None:
        """Nobody knows whether a command writes: staging is not for it, and nothing is made there."""
        before = _databases(undisturbed)
        env = {"TEST_FRAMEWORK_PROVIDERS": "staging", "STAGING_POSTGRES_URL": near(undisturbed.url)}
        said = execs.refused("--service", "postgres", status=125, env=env)
        assert "postgres is unavailable: destructive: " in said
        assert _databases(undisturbed) == before


def _databases(postgres: Endpoint) -> list[Any]:
    with psycopg.connect(postgres.url) as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY 1")]
