"""Services that are not ours: RabbitMQ and NATS, by the tables and the class of docs/how-to/services.md."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services._ready import Readiness
from test_framework.supervisor.dedicated import why_taken
from tests.support.custom_services import NATS, NATS_HEADING, RABBITMQ, blocks, project, without_wheel
from tests.support.engines import Net, silent
from tests.support.execs import Execs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.checkout import Checkout
    from tests.support.place import Place

NO_DOCKER = {"DOCKER_HOST": "unix:///nope.sock"}
LONG = 200.0
"""Bound on a run with RabbitMQ, whose start takes seconds of work."""

TWO_WORKERS = """\
import os
import time

import pika
import pytest


@pytest.mark.parametrize("own, other", [("a", "b"), ("b", "a")])
def test_both_hear_of_each_other(rabbitmq, own, other):
    worker = os.environ["PYTEST_XDIST_WORKER"].encode()
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(own)
        channel.queue_declare(other)
        channel.basic_publish("", other, worker)
        deadline = time.monotonic() + 30
        while (heard := channel.basic_get(own, auto_ack=True)[2]) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert heard != worker
"""

SPOKEN = '''\
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]


def published(url, subject="book"):
    """Return what comes back of a message."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), 5) as sock, sock.makefile("rb") as lines:
        assert lines.readline().startswith(b"INFO ")
        sock.sendall(f'CONNECT {{"verbose":false}}\\r\\nSUB {subject} 1\\r\\n'.encode())
        sock.sendall(f"PUB {subject} 7\\r\\nKindred\\r\\n".encode())
        return lines.readline() + lines.readline()
'''

ONE = (
    SPOKEN
    + """

def test_a_message_arrives(nats):
    assert published(nats.url) == b"MSG book 1 7\\r\\nKindred\\r\\n"
"""
)

BROKER = "RabbitMQ, with a class of testcontainers"

HELD = (
    ONE
    + """

def test_held(nats):
    published(nats.url)
    (ROOT / f"here-{os.getpid()}").touch()
    deadline = time.monotonic() + 60
    while (ROOT / "hold").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
"""
)


def changed(table: str, *lines: str) -> str:
    """Return a table with these lines in place of those of the same keys."""
    for line in lines:
        key = line.partition(" ")[0]
        table = re.sub(rf"^{key} = .*\n", "", table, flags=re.M).replace("]\n", f"]\n{line}\n", 1)
    return table


def failure(checkout: Checkout, code: Code) -> str:
    """Run the tests, each of which fails for this reason without a skip; return what is said."""
    run = checkout.run()
    assert set(run.outcomes().values()) <= {"failed", "error"}, run.output
    assert run.attempt(checkout.services[0], checkout.provider)["code"] == code
    assert f"{code}: " in run.output
    return run.output


@pytest.fixture
def named(request: pytest.FixtureRequest, provider: str) -> dict[str, dict[str, str]]:
    """Return, by service, the variable that names its image, where Docker is the provider."""
    if provider != "docker":
        return {"nats": {}, "rabbitmq": {}}
    images: dict[str, dict[str, str]] = request.getfixturevalue("images")
    return images


@pytest.mark.timeout(300)
def test_rabbitmq_is_shared_by_two_workers(place: Place, provider: str, named: dict[str, dict[str, str]]) -> None:
    """The table of the page gives one broker, over which two processes hear of each other; then it is gone."""
    pytest.importorskip("pika")
    checkout = project(place, provider, RABBITMQ, TWO_WORKERS, env=named["rabbitmq"])
    checkout.write("tests/integration/test_the_page.py", blocks("python", BROKER)[0])
    run = checkout.start("-p", "xdist.plugin", "-n", "2")
    run.passed(LONG)
    assert len(run.outcomes()) == 3
    told = run.report["services"]["rabbitmq"]
    assert told["provider"] == provider
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    place.is_empty()


def test_nats_carries_a_message(place: Place, provider: str, named: dict[str, dict[str, str]]) -> None:
    """An image, or a program, and a line of its log are enough; the version is told."""
    checkout = project(place, provider, NATS, ONE, env=named["nats"])
    checkout.write("tests/integration/test_the_page.py", blocks("python", NATS_HEADING)[0])
    run = checkout.start()
    run.passed()
    assert len(run.outcomes()) == 2
    told = run.report["services"]["nats"]
    assert (told["provider"], bool(re.fullmatch(r"2\.\d+\.\d+", told["version"]))) == (provider, True)
    place.is_empty()


def test_the_page_s_class(place: Place, provider: str, named: dict[str, dict[str, str]]) -> None:
    """Its check tells the version, and each test gets a part of its own."""
    heading = "What a table cannot say: a class"
    tests = SPOKEN + (
        "\n\nseen = set()\n\n\n@pytest.mark.parametrize('number', range(2))\n"
        "def test_it_has_a_part(nats_db, number):\n"
        "    assert nats_db.prefix not in seen and nats_db.version.startswith('2.')\n    seen.add(nats_db.prefix)\n"
        "    assert published(nats_db.url, nats_db.prefix + 'book').endswith(b'Kindred\\r\\n')\n"
    )
    checkout = project(place, provider, blocks("toml", heading)[0], tests, env=named["nats"])
    checkout.write("tests/services.py", blocks("python", heading)[0])
    run = checkout.start()
    run.passed()
    assert len(run.outcomes()) == 2
    place.is_empty()


@pytest.mark.docker_required
def test_a_class_that_gives_the_url(docker_place: Place, images: dict[str, dict[str, str]]) -> None:
    """It knows its ports and when it is ready; the table only names what to ask it for."""
    table = "\n".join(line for line in NATS.splitlines() if line.startswith(("[tool", "image")))
    table += "\ncontainer = 'testcontainers.community.nats:NatsContainer'\ncontainer_url = 'nats_uri'\n"
    project(docker_place, "docker", table, ONE, env=images["nats"]).start().passed()
    checkout = project(docker_place, "docker", table.replace("nats_uri", "nats_url"), ONE, env=images["nats"])
    told = checkout.run().output
    assert "unknown method or attribute 'nats_url'" in told
    assert "Did you mean 'nats_uri'?" in told
    docker_place.is_empty()


@pytest.mark.docker_required
def test_a_class_for_the_container_that_cannot_be_used(docker_place: Place, images: dict[str, dict[str, str]]) -> None:
    """One that needs a package which is not installed leaves the next provider; one that is none is a mistake."""
    table = NATS + "container = 'own_bus:Bus'\n"
    env = images["nats"] | {"TEST_FRAMEWORK_PROVIDERS": "docker,embedded"}
    checkout = project(docker_place, "embedded", table, ONE, env=env)
    checkout.write("own_bus.py", "import not_installed_here\n")
    run = checkout.start()
    run.passed()
    assert run.attempt("nats", "docker")["code"] == "sdk-missing"
    assert run.report["services"]["nats"]["provider"] == "embedded"
    checkout.write("own_bus.py", "def Bus(*_, **__):\n    return 1\n")
    assert "container = 'own_bus:Bus' in pyproject.toml" in checkout.run().output
    docker_place.is_empty()


HELPER = """\
import os, sys

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execvp("sleep", ["sleep", "300"])
    os._exit(0)
os.wait()
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("killed", ["pytest", "supervisor"])
def test_a_killed_run_leaves_nothing(embedded_place: Place, killed: str) -> None:
    """Neither the server nor what it has started and let go of: the end of the run is theirs."""
    command = ["nats-server", "--addr", "{host}", "--port", "{port}"]
    table = changed(without_wheel(NATS), f"command = {[sys.executable, '{root}/tools/start.py', *command]}")
    checkout = project(embedded_place, "embedded", table, HELD)
    checkout.write("tools/start.py", HELPER)
    run = checkout.start_held()
    assert embedded_place.processes("sleep 300")
    if killed == "supervisor":
        os.kill(checkout.status()[0]["pid"], 9)
        checkout.go()
        run.end()
    else:
        run.kill()
    embedded_place.is_empty()


def test_a_program_that_ends(embedded_place: Place) -> None:
    """It is broken, and its own words are shown."""
    checkout = project(embedded_place, "embedded", changed(NATS, "command = ['nats-server', '--nonsense']"), ONE)
    assert "flag provided but not defined" in failure(checkout, Code.START_FAILED)
    embedded_place.is_empty()


def test_a_program_that_is_never_ready(embedded_place: Place) -> None:
    """The bound ends it, and its log is shown."""
    checkout = project(
        embedded_place, "embedded", changed(NATS, "ready = 'log:never'"), ONE, env={"TEST_FRAMEWORK_START_SECONDS": "1"}
    )
    assert "Server is ready" in failure(checkout, Code.HEALTH_TIMEOUT)
    embedded_place.is_empty()


@pytest.mark.docker_required
def test_a_container_that_ends(docker_place: Place, images: dict[str, dict[str, str]]) -> None:
    """It is broken, and its own words are shown."""
    table = changed(NATS, "container_command = ['sh', '-c', 'echo no such thing; exit 3']")
    said = failure(project(docker_place, "docker", table, ONE, env=images["nats"]), Code.START_FAILED)
    assert "exited 3" in said
    assert "no such thing" in said
    docker_place.is_empty()


@pytest.mark.docker_required
@pytest.mark.parametrize(
    ("command", "seconds", "code"),
    [("echo no such thing", "120", Code.START_FAILED), ("sleep 60", "1", Code.HEALTH_TIMEOUT)],
)
def test_a_class_that_waits_in_vain(
    docker_place: Place, images: dict[str, dict[str, str]], command: str, seconds: str, code: Code
) -> None:
    """A class of testcontainers waits for two minutes; the end of its container ends that, and so does the bound."""
    pytest.importorskip("pika")
    tests = "def test_it(rabbitmq):\n    pass\n"
    table = changed(RABBITMQ, f"container_command = {command.split(' ', 1)}")
    env = images["rabbitmq"] | {"TEST_FRAMEWORK_START_SECONDS": seconds}
    said = failure(project(docker_place, "docker", table, tests, env=env), code)
    assert "no such thing" in said if code is Code.START_FAILED else "still waits" in said
    docker_place.is_empty()


def test_what_is_not_there_is_told(embedded_place: Place) -> None:
    """No engine and no program: the test is skipped, with what each provider says."""
    table = changed(NATS, "command = ['nats-nowhere']")
    env = NO_DOCKER | {"TEST_FRAMEWORK_PROVIDERS": "explicit,docker,embedded,staging"}
    run = project(embedded_place, "docker", table, ONE, env=env).run()
    (skip,) = run.report["skips"]
    assert skip["code"] == "socket-missing"
    attempts = run.report["services"]["nats"]["attempts"]
    codes = [attempt["code"] for attempt in attempts]
    assert codes == ["not-configured", "socket-missing", "binary-missing", "not-configured"]
    assert "nats-nowhere" in attempts[2]["message"]
    assert "STAGING_NATS_URL" in attempts[3]["remedy"]
    embedded_place.is_empty()


@contextmanager
def somebody_s_nats(place: Place) -> Iterator[str]:
    """Run a server as somebody else would, for the length of the block."""
    checkout = project(place, "embedded", NATS, ONE)
    held = Execs(checkout).hold("--service", "nats", "--env", "PLACE={nats.port}")
    port = checkout.status()[0]["servers"][0]["url"].rpartition(":")[2]
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        held.kill()


def test_explicit_and_staging(embedded_place: Place) -> None:
    """The variable of the table, that of staging and the rules for what may be written there are as for ours."""
    tests = (
        ONE.replace("def test_a", "@pytest.mark.staging_safe\ndef test_a") + "\n\ndef test_writes(nats):\n    pass\n"
    )
    with somebody_s_nats(embedded_place) as url:
        checkout = project(embedded_place, "embedded", changed(NATS, "url_env = ['BUS_URL']"), tests)
        for provider, variable, outcome in (
            ("explicit", "BUS_URL", "passed"),
            ("staging", "STAGING_NATS_URL", "skipped"),
        ):
            env = {variable: url, "TEST_FRAMEWORK_PROVIDERS": provider}
            run = checkout.run(env=env)
            assert run.outcomes() == {"test_a_message_arrives": "passed", "test_writes": outcome}, run.output
            assert run.report["services"]["nats"]["provider"] == provider
            assert [skip["code"] for skip in run.report["skips"]] == ["destructive"] * (outcome == "skipped")
            away = checkout.json("doctor", env=env | {variable: "nats://nats.example:4222"})
            (told,) = (a for a in away["services"]["nats"]["attempts"] if a["provider"] == provider)
            assert told["code"] == "host-not-allowed"


def test_exec_and_doctor(embedded_place: Place) -> None:
    """A command is told where the service is, on the port that it has to have; the doctor knows it too."""
    execs = Execs(project(embedded_place, "embedded", NATS, ONE))
    port = free_port()
    told = execs.variables("--service", "nats", "--port", f"nats={port}", "--env", "BUS={nats.host}:{nats.port}")
    assert told["NATS_URL"] == f"nats://127.0.0.1:{port}"
    assert (told["NATS_HOST"], told["NATS_PORT"], told["BUS"]) == ("127.0.0.1", str(port), f"127.0.0.1:{port}")
    found = execs.checkout.json("doctor")
    assert found["services"]["nats"]["provider"] == "embedded"
    assert found["services"]["nats"]["version"].startswith("2.")
    assert found["tiers"]["integration"]["on"] == {"nats": "embedded"}
    (doctor, command) = blocks("console", NATS_HEADING)[0].splitlines()
    assert (doctor, execs.checkout.command("doctor").returncode) == ("python -m test_framework doctor", 0)
    printed = execs.checkout.command(*shlex.split(command)[3:]).stdout.split()
    assert printed[0] == f"nats://{printed[1]}:{printed[2]}"
    with_password = changed(NATS, "url_format = 'nats://me:{password}@{host}:{port}'")
    guarded = Execs(project(embedded_place, "embedded", with_password, ONE))
    assert "url_format" in guarded.refused("--service", "nats", "--no-password", status=2)
    # A password in the place of a user is one too.
    token = Execs(project(embedded_place, "embedded", with_password.replace("me:", ""), ONE))
    assert "at nats://***@127.0.0.1:" in token.run("--service", "nats", "--", "true").stderr
    embedded_place.is_empty()


WEB = """\
[tool.test_framework.services.web]
url_format = "http://{host}:{port}"
ready = "http:/ready"
command = ["PYTHON", "-m", "http.server", "{port}", "--bind", "{host}", "--directory", "{folder}/site"]
files = { "site/STATE" = "{port.other} {password} {port.other}" }
"""
READ = """\
from urllib.request import urlopen


def test_it_is_served(web):
    first, password, last = urlopen(web.url + "/ready").read().split()
    assert first == last and len(password) > 12
"""


@pytest.mark.parametrize("state", ["ready", "starting"])
def test_ready_over_http(embedded_place: Place, state: str) -> None:
    """A status of the 200s is an answer, 404 is none; the files of the table are there, and their fields filled in."""
    table = WEB.replace("PYTHON", sys.executable).replace("STATE", state)
    checkout = project(embedded_place, "embedded", table, READ, env={"TEST_FRAMEWORK_START_SECONDS": "5"})
    if state == "ready":
        run = checkout.start()
        run.passed()
        # Nothing tells its version.
        assert "\nweb on embedded: 1 test\n" in run.output
    else:
        assert "/ready answered 404" in failure(checkout, Code.HEALTH_TIMEOUT)
    embedded_place.is_empty()


@pytest.mark.needs("root")
def test_a_program_that_may_not_be_root(embedded_place: Place) -> None:
    """It runs as nobody, who may not enter the store of root, and writes in a folder of its own."""
    command = ["nats-server", "--addr", "{host}", "--port", "{port}", "--jetstream", "--store_dir", "{folder}/streams"]
    table = changed(NATS, f"command = {command}", "runs_as_root = false")
    checkout = project(embedded_place, "embedded", table, HELD)
    run = checkout.start_held()
    (process,) = embedded_place.processes("nats-server")
    assert process.username() == "nobody"
    assert list((Path(process.cwd()) / "streams").iterdir())
    checkout.go()
    run.passed()
    embedded_place.is_empty()


def test_a_class_that_is_not_there(embedded_place: Place) -> None:
    """One error that names it, where it is said, and what there is; no traceback."""
    table = changed(blocks("toml", "What a table cannot say: a class")[0], 'class = "tests.services:Natz"')
    checkout = project(embedded_place, "embedded", table, ONE)
    checkout.write("tests/services.py", "class Nats:\n    pass\n")
    result = checkout.command("doctor")
    assert (result.returncode, result.stdout) == (2, "")
    assert "unknown class 'Natz'" in result.stderr
    assert "'Nats'" in result.stderr
    run = checkout.run()
    assert "unknown class 'Natz'" in run.output
    assert "Traceback" not in run.output


def test_ready_over_tcp(net: Net) -> None:
    """A connection has to stay open, or to begin with a word.

    Docker's proxy accepts, and hangs up, for a server that does not listen yet.
    """
    ready = Readiness("tcp", 0)

    def ask(port: int) -> None:
        ready.check(f"bus://127.0.0.1:{port}", "here", 1, None)

    ask(net.tcp(silent))
    ask(net.tcp(lambda connection: connection.sendall(b"INFO")))
    for port in (net.tcp(lambda _: None), free_port()):
        with pytest.raises(Refused) as caught:
            ask(port)
        assert caught.value.reason.code is Code.CONNECTION_REFUSED


@pytest.mark.parametrize("told", ["tcp", "http:/health"])
@pytest.mark.parametrize(("scheme", "port"), [("https", 443), ("ws", 80), ("bus", 4222)])
def test_ready_at_a_url_without_a_port(told: str, scheme: str, port: int) -> None:
    """It is asked where the scheme says, and where it says nothing, on the port of the table."""
    with pytest.raises(Refused, match=rf"127\.0\.0\.7:{port}\b"):
        Readiness(told, 4222).check(f"{scheme}://127.0.0.7/", "here", 1, None)
    with pytest.raises(Refused, match=rf"127\.0\.0\.7:{80 if scheme == 'bus' else port}\b"):
        Readiness(told, 0).check(f"{scheme}://127.0.0.7/", "here", 1, None)


def free_port() -> int:
    """Return a port on which nothing listens."""
    return next(number for number in range(24222, 24999) if why_taken(number) is None)
