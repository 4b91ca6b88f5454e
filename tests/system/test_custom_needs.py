"""Services of the user's own that depend on others, and what one says of itself over HTTP."""

from __future__ import annotations

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from test_framework import services
from test_framework.config import load
from test_framework.resolution import Code, Refused
from tests.conftest import wait_until
from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.contracts import Service
    from tests.conftest import Project
    from tests.support.place import Place

SHOP = """
[tool.test_framework.services.shop]
url_format = "http://{host}:{port}"
command = ["shopd"]
"""


def shop(folder: Path, *more: str) -> Service:
    """Return the service of a project with this table and more lines of it."""
    (folder / "pyproject.toml").write_text(SHOP + "\n".join(more), encoding="utf-8")
    return services.get("shop", load(folder, {}))


@pytest.fixture
def answers() -> Iterator[tuple[str, dict[str, tuple[int, str]]]]:
    """Return the URL of a server, and what it answers at which path."""
    told: dict[str, tuple[int, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        """Answers so."""

        def do_GET(self) -> None:
            """Look it up."""
            status, body = told.get(self.path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", told
        server.shutdown()
        thread.join()


def test_it_tells_its_version(tmp_path: Path, answers: tuple[str, dict[str, tuple[int, str]]]) -> None:
    """At a path of its port, or below its URL, in JSON."""
    url, told = answers
    told |= {"/health": (200, ""), "/api/health": (204, ""), "/about": (200, '{"a/b": {"version": 3.5}}')}
    told["/api/about"] = (200, '{"version": "2.0"}')
    made = shop(tmp_path, 'ready = "http:/health"', 'version_from = "http:/about#/a~1b/version"')
    assert made.check(f"{url}/api/", "here", 5, {}) == "3.5"
    made = shop(tmp_path, 'ready = "http:./health"', 'version_from = "http:./about#/version"')
    assert made.check(f"{url}/api/", "here", 5, {}) == "2.0"


@pytest.mark.parametrize("answer", [(200, "{}"), (200, "no JSON"), (200, '{"version": true}'), (500, '{"version": 1}')])
def test_an_answer_without_a_version(
    tmp_path: Path, answers: tuple[str, dict[str, tuple[int, str]]], answer: tuple[int, str]
) -> None:
    """Whatever answers there is not that service."""
    url, told = answers
    told["/about"] = answer
    with pytest.raises(Refused) as refused:
        shop(tmp_path, 'version_from = "http:/about#/version"').check(url, "here", 5, {})
    assert refused.value.reason.code is Code.WRONG_SERVICE
    assert f"/about answers {answer[0]} and names no version at /version" in refused.value.reason.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"reasons": {"database": "gone"}}', '503: {"reasons": {"database": "gone"}}'),
        (json.dumps({"reasons": "x" * 1000}), "x" * 200),
        ("<html>503</html>", "answered 503"),
    ],
)
def test_one_that_is_not_ready_says_why(
    tmp_path: Path, answers: tuple[str, dict[str, tuple[int, str]]], body: str, said: str
) -> None:
    """What it says in JSON is in the reason; a page is not."""
    url, told = answers
    told["/health"] = (503, body)
    with pytest.raises(Refused) as refused:
        shop(tmp_path, 'ready = "http:/health"').check(url, "here", 5, {})
    reason = refused.value.reason
    assert reason.code is Code.HTTP_ERROR
    assert said in reason.message
    assert "html" not in reason.message
    assert len(reason.message) < 600


def test_only_a_test_that_may_reaches_the_system_under_test_in_staging(
    project: Project, answers: tuple[str, dict[str, tuple[int, str]]]
) -> None:
    """One that writes is skipped, also where the fixture has been made for one that does not."""
    project.write("pyproject.toml", SHOP + '[tool.test_framework.e2e]\nservice = "shop"\n')
    tests = "import pytest\n@pytest.mark.staging_safe\ndef test_looks(system_under_test):\n    pass\n"
    project.write("test_it.py", f"{tests}def test_writes(system_under_test):\n    pass\n")
    project.env.setenv("STAGING_SHOP_URL", answers[0])
    result = project.run("--providers", "staging", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*destructive*"])


SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from . import NAME

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        told = {name: os.environ[name] for name in ("BELOW", "COLOUR") if name in os.environ}
        self.wfile.write(json.dumps(told | {"version": "4.2", "name": NAME}).encode())

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
TABLES = """
[tool.test_framework.services.{name}]
url_format = "http://{{host}}:{{port}}"
ready = "http:/"
version_from = "http:/#/version"
command = ["{{python}}", "-m", "{name}_server", "{{port}}"]
package = "{name}_server"
needs = ["{below}"]
environment = {{ PYTHONPATH = "{{root}}/src", BELOW = "{{{below}.url}}", COLOUR = "red" }}
inherit = ["COLOUR"]
"""
TESTS = """
import json
import os
from pathlib import Path
from urllib.request import urlopen

def test_it(upper, services):
    with urlopen(upper.url) as answer:
        upper_told = json.load(answer)
    with urlopen(upper_told["BELOW"]) as answer:
        lower_told = json.load(answer)
    assert lower_told["BELOW"].startswith("redis://")
    assert upper.version == "4.2"
    told = {"upper": upper_told["name"], "lower": lower_told["name"], "colour": upper_told["COLOUR"]}
    Path(__file__).with_name("told").write_text(json.dumps(told))
"""


def chain(place: Place, **env: str) -> Checkout:
    """Return a project whose tests use a service that needs another one, which needs Redis."""
    checkout = Checkout(place, "embedded", ("upper",), env=env)
    settings = checkout.root / "pyproject.toml"
    tables = TABLES.format(name="upper", below="lower") + TABLES.format(name="lower", below="redis")
    settings.write_text(settings.read_text() + tables)
    checkout.write("tests/integration/test_services.py", TESTS)
    for name in ("upper", "lower"):
        checkout.write(f"src/{name}_server/__init__.py", f"NAME = {name!r}\n")
        checkout.write(f"src/{name}_server/__main__.py", SERVER)
    return checkout


def test_one_on_another_on_redis(embedded_place: Place) -> None:
    """Each is handed the one below it; an edit, or another variable, starts those anew that it is about."""
    checkout = chain(embedded_place, TEST_FRAMEWORK_IDLE_SECONDS="60")

    def run(**env: str) -> tuple[dict[str, str], dict[str, str]]:
        checkout.run(env=env).passed()
        found: dict[str, str] = {}
        for supervisor in checkout.status():
            found |= {server["service"]: server["id"] for server in supervisor["servers"]}
        return json.loads((checkout.root / "tests/integration/told").read_text()), found

    told, first = run()
    assert told == {"upper": "upper", "lower": "lower", "colour": "red"}
    assert run() == (told, first)
    checkout.write("src/upper_server/__init__.py", "NAME = 'edited'\n")
    told, edited = run()
    assert told["upper"] == "edited"
    assert [name for name in first if first[name] != edited[name]] == ["upper"]
    checkout.write("src/lower_server/__init__.py", "NAME = 'edited'\n")
    told, below = run()
    assert told["lower"] == "edited"
    assert sorted(name for name in first if edited[name] != below[name]) == ["lower", "upper"]
    assert run(COLOUR="blue")[0]["colour"] == "blue"


HELD = """
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

def test_before(upper):
    pass

def test_middle(upper):
    (ROOT / "here-1").touch()
    deadline = time.monotonic() + 60
    while (ROOT / "hold").exists() and time.monotonic() < deadline:
        time.sleep(0.01)

def test_after(upper):
    pass
"""


def test_a_server_two_below_that_dies(embedded_place: Place) -> None:
    """The tests after it fail with the name of the server that died, and nothing is left."""
    checkout = chain(embedded_place)
    checkout.write("tests/integration/test_services.py", HELD)
    run = checkout.start_held()
    (supervisor,) = checkout.status()
    (redis,) = (server["id"] for server in supervisor["servers"] if server["service"] == "redis")
    os.kill(int(redis), signal.SIGKILL)
    wait_until(lambda: any(server["died"] for server in checkout.status()[0]["servers"]), "its end is known")
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED
    assert run.outcomes() == {"test_before": "passed", "test_middle": "passed", "test_after": "error"}, run.output
    assert "server-died: redis on embedded" in run.output
    embedded_place.is_empty(containers=False)


def test_without_its_package(embedded_place: Place) -> None:
    """It is skipped with the package to install, and nothing that it needs is started."""
    checkout = Checkout(embedded_place, "embedded", ("upper",))
    settings = checkout.root / "pyproject.toml"
    settings.write_text(settings.read_text() + TABLES.format(name="upper", below="redis"))
    checkout.write("tests/integration/test_services.py", "def test_it(upper):\n    pass\n")
    run = checkout.run()
    assert set(run.outcomes().values()) == {"skipped"}, run.output
    assert run.attempt("upper", "embedded")["code"] == "binary-missing"
    assert "upper_server" in run.output
