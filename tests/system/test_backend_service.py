"""A service with needs, the reference backend: they are resolved first, and it stands or falls with them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.plugin.lease import ReasonedSkip
from test_framework.resolution import Reason
from tests.conftest import wait_until
from tests.support.backend import TABLES
from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from tests.support.place import Place
    from tests.support.run import Run

_IMAGE = "localhost/test-framework/backend:0.1"
TESTS = """\
import json
import time
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]


def test_before(backend):
    with urlopen(f"{backend.url}/health/dependencies") as answer:
        told = json.load(answer)["dependencies"]
    (ROOT / "told").write_text(json.dumps({name: each["status"] for name, each in told.items()}))


def test_middle(backend):
    if (ROOT / "hold").exists():
        (ROOT / "here-1").touch()
        deadline = time.monotonic() + 60
        while (ROOT / "hold").exists() and time.monotonic() < deadline:
            time.sleep(0.01)


def test_after(backend):
    pass
"""


def made(place: Place, provider: str, **env: str) -> Checkout:
    """Return a project whose tests use the backend."""
    image = {"TEST_FRAMEWORK_BACKEND_IMAGE": os.environ.get("TEST_FRAMEWORK_BACKEND_IMAGE", _IMAGE)}
    checkout = Checkout(place, provider, ("backend",), env=image | env)
    checkout.write("tests/integration/test_services.py", TESTS)
    settings = checkout.root / "pyproject.toml"
    settings.write_text(settings.read_text() + TABLES)
    return checkout


def reason(run: Run, provider: str) -> dict[str, Any]:
    """Return why a provider did not give the backend."""
    return run.attempt("backend", provider)


def test_what_it_needs_is_resolved_first(place: Place, provider: str) -> None:
    """It runs on servers of the same kind, on parts of its own, says so, and leaves nothing."""
    checkout = made(place, provider)
    for attempt in checkout.json("doctor")["services"]["backend"]["attempts"]:
        if attempt["provider"] == provider and attempt["code"]:
            raise ReasonedSkip(Reason.from_json(attempt))
    run = checkout.start_held()
    (supervisor,) = checkout.status()
    held = {server["service"]: server["provider"] for server in supervisor["servers"]}
    checkout.go()
    run.passed()
    assert held == dict.fromkeys(("postgres", "redis", "backend"), provider)
    assert f"backend on {provider}: first postgres and redis, which it needs" in place.log()
    wanted = {"database": "ok", "cache": "ok", "analytics": "not_configured", "language_model": "ok"}
    assert json.loads((checkout.root / "told").read_text()) == wanted
    assert run.report["services"]["backend"]["provider"] == provider
    place.is_empty()


def test_without_what_it_needs(embedded_place: Place) -> None:
    """A dependency that cannot be had makes it unavailable, with the dependency's own reason and remedy."""
    checkout = made(embedded_place, "embedded", TEST_FRAMEWORK_POSTGRES_PROVIDERS="staging")
    run = checkout.run()
    assert set(run.outcomes().values()) == {"skipped"}, run.output
    told = reason(run, "embedded")
    assert (told["code"], told["kind"]) == ("dependency-unavailable", "unavailable")
    assert told["message"].startswith("backend on embedded needs postgres, which is unavailable: ")
    assert "TEST_FRAMEWORK_POSTGRES_PROVIDERS" in told["message"] + told["remedy"]
    doctor = checkout.json("doctor")["services"]["backend"]
    assert [a["code"] for a in doctor["attempts"] if a["provider"] == "embedded"] == ["dependency-unavailable"]
    assert doctor["provider"] is None


def test_on_something_broken(embedded_place: Place) -> None:
    """A dependency that is broken breaks it: the tests fail, and no other provider is tried."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        url = f"redis://127.0.0.1:{other.server_port}/0"
        env = {"TEST_FRAMEWORK_REDIS_URL": url, "TEST_FRAMEWORK_REDIS_PROVIDERS": "explicit"}
        run = made(embedded_place, "embedded", **env).run()
        other.shutdown()
    assert set(run.outcomes().values()) == {"error"}, run.output
    told = reason(run, "embedded")
    assert told["code"] == "dependency-broken", told
    assert "backend on embedded needs redis, which is broken" in run.output


def test_a_server_below_it_that_dies(embedded_place: Place) -> None:
    """The tests after it fail with the name of the server that died; the next run starts both again."""
    checkout = made(embedded_place, "embedded")
    warm = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}
    run = checkout.start_held(env=warm)
    (supervisor,) = checkout.status()
    before = {server["service"]: server["id"] for server in supervisor["servers"]}
    os.kill(int(before["postgres"]), signal.SIGKILL)
    wait_until(lambda: any(server["died"] for server in checkout.status()[0]["servers"]), "its end is known")
    checkout.go()
    assert run.end() == pytest.ExitCode.TESTS_FAILED
    assert run.outcomes() == {"test_before": "passed", "test_middle": "passed", "test_after": "error"}, run.output
    assert "server-died: postgres on embedded was running but has stopped" in run.output
    checkout.run(env=warm).passed()
    (supervisor,) = checkout.status()
    after = {server["service"]: server["id"] for server in supervisor["servers"]}
    assert after["redis"] == before["redis"]
    assert {after["postgres"], after["backend"]}.isdisjoint(before.values())


def test_its_settings_are_those_of_the_run(embedded_place: Place) -> None:
    """A variable of the backend reaches it; a run with another value has a backend of its own."""
    checkout = made(embedded_place, "embedded")
    checkout.write(
        "tests/integration/test_services.py",
        "import os, json\nfrom urllib.request import urlopen\n\n\ndef test_issuer(backend):\n"
        "    told = json.load(urlopen(f'{backend.url}/health/config'))\n"
        "    assert told['settings']['issuer'] == os.environ['BACKEND_ISSUER']\n",
    )
    for issuer in ("one", "two"):
        checkout.run(env={"BACKEND_ISSUER": issuer, "TEST_FRAMEWORK_IDLE_SECONDS": "60"}).passed()


def test_an_edit_ends_a_warm_backend(embedded_place: Place) -> None:
    """A run after an edit of the backend's code has a new process of it, on the same servers; any other run has not."""
    checkout = made(embedded_place, "embedded")
    spec = find_spec("reference_backend")
    assert spec
    assert spec.origin
    package = checkout.root / "src" / "reference_backend"
    shutil.copytree(Path(spec.origin).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    env = {"PYTHONPATH": str(package.parent), "TEST_FRAMEWORK_IDLE_SECONDS": "60"}
    held = []
    for edit in ("", "", "# an edit\n"):
        if edit:
            with (package / "cli.py").open("a") as file:
                file.write(edit)
        checkout.run(env=env).passed()
        (supervisor,) = checkout.status()
        held.append({server["service"]: server["id"] for server in supervisor["servers"]})
    assert held[0] == held[1]
    assert held[1]["backend"] != held[2]["backend"]
    assert [held[1][name] for name in ("postgres", "redis")] == [held[2][name] for name in ("postgres", "redis")]
