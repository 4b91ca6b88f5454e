"""An engine, its registries and its settings that cannot be used: the run goes on elsewhere, and says why."""

from __future__ import annotations

import json
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import Checkout
from tests.support.engine_proxy import FORBIDDEN, EngineProxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engines import Net
    from tests.support.place import Place
    from tests.support.run import Run

pytestmark = [pytest.mark.docker_required, pytest.mark.usefixtures("docker_here")]


@pytest.fixture
def proxy(docker_env: dict[str, str], net: Net) -> EngineProxy:
    """Return a socket in front of the engine."""
    return EngineProxy(net, os.environ | docker_env)


def checkout_at(place: Place, service: str = "redis", **env: str) -> Checkout:
    """Return a project whose service runs on Docker, else embedded."""
    return Checkout(place, "docker,embedded", (service,), env=env)


def goes_on(run: Run, code: str, service: str = "redis") -> dict[str, Any]:
    """Assert that Docker was unavailable for this reason, and that an embedded server took its place."""
    told = run.attempt(service, "docker")
    assert (told["code"], told["kind"]) == (code, "unavailable"), f"{told}\n{run.output}"
    run.passed()
    assert run.report["services"][service]["provider"] == "embedded"
    assert "Traceback" not in run.output
    return told


def on_docker(run: Run) -> None:
    """Assert that the run was served by Docker."""
    run.passed()
    assert run.report["services"]["redis"]["provider"] == "docker"


@pytest.mark.parametrize(("variable", "value"), [("TC_MAX_TRIES", "abc"), ("DOCKER_AUTH_CONFIG", "{")])
def test_variable_that_cannot_be_used(docker_place: Place, variable: str, value: str) -> None:
    """A variable of testcontainers with a value that nothing can be made of is named."""
    told = goes_on(checkout_at(docker_place, **{variable: value}).run(), "bad-docker-setting")
    assert variable in told["message"]


@pytest.mark.parametrize("config", [{"auths": {"r.example": {"auth": "***"}}}, {"r.example": {"auth": "***"}}])
def test_configuration_that_cannot_be_used(docker_place: Place, tmp_path: Path, config: dict[str, Any]) -> None:
    """Nonsense in the CLI's own file is told with the file's path, in its old form as well."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    told = goes_on(checkout_at(docker_place, DOCKER_CONFIG=str(tmp_path)).run(), "bad-docker-setting")
    assert f"{tmp_path}/config.json" in told["message"]


def test_properties_that_cannot_be_read(docker_place: Place, tmp_path: Path) -> None:
    """What is wrong in testcontainers' own file is told with its name."""
    (tmp_path / ".testcontainers.properties").write_bytes(b"tc.host=\xff\n")
    told = goes_on(checkout_at(docker_place, HOME=str(tmp_path)).run(), "bad-docker-setting")
    assert "~/.testcontainers.properties" in told["message"]


def test_variable_of_the_reaper(docker_place: Place) -> None:
    """Nonsense in a variable of testcontainers' reaper changes nothing: none is started."""
    on_docker(checkout_at(docker_place, TESTCONTAINERS_RYUK_DISABLED="junk").run())


def test_registry_of_a_login_that_is_away(docker_place: Place) -> None:
    """An image that is here needs no login, so that nobody is asked for one."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = {"auths": {f"127.0.0.1:{sock.getsockname()[1]}": {"auth": "dTpw"}}}
        on_docker(checkout_at(docker_place, DOCKER_AUTH_CONFIG=json.dumps(config)).run())


@pytest.mark.parametrize("refused", ["/images/", "/containers/create", "/containers/json", "/start"])
def test_engine_that_forbids(docker_place: Place, proxy: EngineProxy, refused: str) -> None:
    """A proxy that lets some questions through and not others is named with what it forbids."""
    proxy.answer = lambda asked: FORBIDDEN if refused in asked else None
    told = goes_on(checkout_at(docker_place, **proxy.env).run(), "docker-forbidden")
    assert str(proxy.path) in told["message"]
    docker_place.is_empty()


def test_doctor_on_an_engine_that_forbids(docker_place: Place, proxy: EngineProxy) -> None:
    """The doctor, which asks for images, tells the same."""
    proxy.answer = lambda asked: FORBIDDEN if "/images/" in asked or "/distribution/" in asked else None
    attempts = checkout_at(docker_place, **proxy.env).json("doctor")["services"]["redis"]["attempts"]
    (told,) = (attempt for attempt in attempts if attempt["provider"] == "docker")
    assert (told["code"], told["kind"]) == ("docker-forbidden", "unavailable")


@pytest.mark.parametrize("last", ["/images/", "/containers/create", "/start", "/json"])
def test_engine_that_goes_away(docker_place: Place, proxy: EngineProxy, last: str) -> None:
    """An engine that was there for the probe and ends while a server starts is unavailable, and what it was."""
    gone = False

    def answer(asked: str) -> bytes | None:
        nonlocal gone
        gone = gone or (last in asked and "/containers/json" not in asked)
        return b"" if gone else None

    proxy.answer = answer
    run = checkout_at(docker_place, **proxy.env).run()
    told = goes_on(run, "engine-lost")
    assert str(proxy.path) in told["message"]


def test_engine_that_goes_away_before_its_server_answers(docker_place: Place, proxy: EngineProxy) -> None:
    """What the server has to say of its start is not heard: that is the engine's end, and not the server's."""
    gone = False

    def answer(asked: str) -> bytes | None:
        nonlocal gone
        # The watch is the last to ask. Postgres answers long after it, since a new one makes its data first.
        gone = gone or asked.endswith("/wait")
        return b"" if gone else None

    proxy.answer = answer
    run = checkout_at(docker_place, "postgres", **proxy.env).run()
    told = goes_on(run, "engine-lost", "postgres")
    assert str(proxy.path) in told["message"]


def test_container_that_is_made_without_an_answer(docker_place: Place, proxy: EngineProxy) -> None:
    """What the engine makes after nobody heard of it any more is found by its label."""
    proxy.deaf = lambda asked: "/containers/create" in asked
    goes_on(checkout_at(docker_place, **proxy.env).run(), "engine-lost")
    assert any("/containers/create" in asked for asked in proxy.heard)
    docker_place.is_empty()


def test_port_that_is_published_late(docker_place: Place, proxy: EngineProxy) -> None:
    """A port that the engine publishes a moment after the start, as virtual machines do, is waited for."""
    told = []

    def change(asked: str, whole: bytes) -> bytes:
        told.append(asked)
        if len(told) > 5:
            return whole
        head, _, _ = whole.partition(b"\r\n\r\n")
        # The whole answer without its ports.
        body = json.loads(_body(whole))
        body["NetworkSettings"]["Ports"] = {}
        data = json.dumps(body).encode()
        status = head.split(b"\r\n")[0]
        return (
            status
            + b"\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(data)
            + data
        )

    proxy.changes = lambda asked: asked.startswith("GET /containers/") and asked.endswith("/json")
    proxy.change = change
    on_docker(checkout_at(docker_place, **proxy.env).run())
    assert len(told) > 5


def _body(answer: bytes) -> bytes:
    """Return the body of an answer, which may come in chunks."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return rest
    whole = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        whole, rest = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if not int(size, 16):
            break
    return whole


HELPERS = {
    "fails": "#!/bin/sh\necho no keyring >&2\nexit 1\n",
    "hangs": "#!/bin/sh\nsleep 300 & wait\n",
}


def test_helper_that_is_not_needed(docker_place: Place, tmp_path: Path) -> None:
    """A credential helper is not asked for an image that is here."""
    on_docker(checkout_at(docker_place, **helper(tmp_path, "hangs")).run())


@pytest.mark.parametrize("kind", HELPERS)
def test_helper_that_cannot_be_used(docker_place: Place, tmp_path: Path, kind: str) -> None:
    """A helper that gives no login for an image that has to be pulled is named, and nothing of it is left."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        image = f"127.0.0.1:{sock.getsockname()[1]}/redis:8"
        env = helper(tmp_path, kind) | {"TEST_FRAMEWORK_REDIS_IMAGE": image}
        told = goes_on(checkout_at(docker_place, **env).run(), "registry-login-missing")
    assert "docker-credential-ours" in told["message"]
    docker_place.is_empty()


def helper(folder: Path, kind: str) -> dict[str, str]:
    """Install a credential helper for all registries; return the environment that names it."""
    (folder / "config.json").write_text(json.dumps({"credsStore": "ours"}))
    program = folder / "docker-credential-ours"
    program.write_text(HELPERS[kind])
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}
