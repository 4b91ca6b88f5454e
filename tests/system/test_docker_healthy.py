"""The probe finds a healthy engine, whatever its transport is and however it answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest

from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.probe import Engine, ask
from test_framework.resolution import Code, Refused
from tests.support.engines import (
    CHUNKED,
    PATIENT,
    PROJECT,
    VERSION,
    Net,
    Talk,
    answer,
    at,
    ends_soon,
    found,
    refused_at_once,
    silent,
    sockets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.engines_tls import TLS


class TestHealthy:
    """An engine that answers."""

    def test_engine_says_what_it_is(self, net: Net, home: Path) -> None:
        """The engine carries its versions, its product and where it was found."""
        path = net.unix(Talk())

        engine = found(at(path), home)

        assert engine == Engine(Candidate("DOCKER_HOST", f"unix://{path}", None), "28.2.2", "1.50", "linux", "Docker")

    def test_podman_is_recognised(self, net: Net, home: Path) -> None:
        """Podman's Docker API is usable, and told apart."""
        version = {**VERSION, "Version": "4.9.3", "Components": [{"Name": "Podman Engine", "Version": "4.9.3"}]}

        assert found(at(net.unix(Talk(version=answer(version)))), home).product == "Podman"

    @pytest.mark.parametrize(
        ("version", "hang_up"),
        [
            (answer(VERSION), False),
            (answer(VERSION), True),
            (answer(VERSION, close=True), True),
            (b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(VERSION).encode(), True),
            (CHUNKED, False),
        ],
        ids=["kept", "dropped", "closed", "http-1.0", "chunked"],
    )
    def test_every_framing_is_read(self, version: bytes, hang_up: bool, net: Net, home: Path) -> None:  # noqa: FBT001
        """An answer may have a length, come in chunks or end with the connection, which may or may not be kept."""
        assert found(at(net.unix(Talk(version=version, hang_up=hang_up))), home).version == "28.2.2"

    def test_connection_is_kept_for_the_second_question(self, net: Net, home: Path) -> None:
        """Both questions travel on one connection, which matters through ssh."""
        connections = []
        talk = Talk()

        def count(connection: socket.socket) -> None:
            connections.append(connection)
            talk(connection)

        found(at(net.unix(count)), home)

        assert len(connections) == 1
        assert talk.heard == ["/_ping", "/version"]

    def test_path_of_the_address_comes_before_each_resource(self, net: Net, home: Path) -> None:
        """`tcp://host:port/path` asks below that path, as in the CLI."""
        talk = Talk()

        found({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(talk)}/proxy/"}, home)

        assert talk.heard == ["/proxy/_ping", "/proxy/version"]

    def test_newest_api_is_never_too_new(self, net: Net, home: Path) -> None:
        """An engine whose oldest API is above the SDK's default is usable, and the SDK agrees."""
        version = {**VERSION, "ApiVersion": "1.99", "MinAPIVersion": "1.98"}
        path = net.unix(Talk(version=answer(version)))

        engine = found(at(path), home)

        assert engine.api_version == "1.99"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["MinAPIVersion"] == "1.98"

    def test_sdk_and_cli_settings_lead_to_the_engine(self, net: Net, home: Path) -> None:
        """The SDK reaches the engine through `environment()`; nothing else in it turns TLS on."""
        engine = found(at(net.unix(Talk())), home)

        environment = engine.environment()

        assert {name for name, value in environment.items() if value} == {"DOCKER_HOST"}
        with closing(docker.from_env(environment=environment)) as client:
            assert client.version()["Version"] == engine.version

    @pytest.mark.docker_required
    @pytest.mark.usefixtures("docker_here")  # the SDK alone, as it comes, reaches no other one everywhere
    def test_real_engine_is_found(self, home: Path) -> None:
        """The probe finds the engine of this machine, and says of it what the SDK says."""
        with closing(docker.from_env(timeout=5)) as client:
            expected = client.version()

        engine = found(os.environ, home)

        assert (engine.version, engine.api_version) == (expected["Version"], expected["ApiVersion"])

    def test_process_is_left_as_it_was(self, net: Net, home: Path) -> None:
        """A probe over a socket changes no environment variable and imports nothing slow."""
        script = """
import os, sys
from test_framework.providers.docker.probe import probe
before = dict(os.environ)
probe({"DOCKER_HOST": sys.argv[1]})
assert dict(os.environ) == before
print(*[m for m in ("docker", "testcontainers", "asyncio", "ssl", "http.client", "subprocess") if m in sys.modules])
"""
        host = f"unix://{net.unix(Talk())}"

        done = subprocess.run(
            [sys.executable, "-c", script, host],
            env={"PYTHONPATH": str(PROJECT), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == []

    def test_question_to_the_engine_is_answered(self, net: Net, home: Path) -> None:
        """`ask` gives the status and the JSON object of any resource."""
        engine = found(at(net.unix(Talk())), home)

        assert ask(engine, "/version", PATIENT) == (200, VERSION)
        assert ask(engine, "/images/none/json", PATIENT) == (404, {})

    def test_question_without_an_answer_is_refused_in_time(self, net: Net) -> None:
        """`ask` ends at its own deadline."""
        engine = Engine(sockets(net.unix(silent))[0], "28", "1.50", "linux", "Docker")

        with ends_soon(), pytest.raises(Refused) as caught:
            ask(engine, "/images/none/json", 0.3)

        assert caught.value.reason.code is Code.DAEMON_HUNG
        assert "0.3 s" in caught.value.reason.message


@pytest.mark.needs("docker")
class TestAsTheCLI:
    """The CLI itself says which address it uses, without contacting it."""

    @pytest.mark.parametrize(
        "host",
        [
            *(
                "tcp://",
                "tcp://h",
                "tcp://:2375",
                "tcp://[::1]:",
                "tcp://::1",
                " tcp://h ",
                "tcp://u:p@h:1",
                "h:12",
                "x",
            ),
            *("tcp://h:99/p/q", "tcp://h:1/p/", "tcp://h:1?x=1", "unix://", "unix:///a b", "ssh://h", "ssh://u@h:22/x"),
        ],
    )
    def test_docker_host(self, host: str, home: Path) -> None:
        """The CLI completes DOCKER_HOST to the same address."""
        from test_framework.providers.docker.endpoint import candidates

        assert candidates({"DOCKER_HOST": host}, home)[0].host == self.cli_endpoint({"DOCKER_HOST": host}, home)

    @pytest.mark.parametrize("host", ["foo://x", "tcp://h:abc", "tcp://[::1]", "http://h:1", "TCP://h", "tcp://a b:1"])
    def test_bad_docker_host(self, host: str, home: Path) -> None:
        """What the CLI does not take for an address is refused."""
        assert self.cli_endpoint({"DOCKER_HOST": host}, home) == ""
        assert refused_at_once({"DOCKER_HOST": host}, home).code is Code.BAD_DOCKER_HOST

    def test_context_that_the_cli_made(self, net: Net, home: Path) -> None:
        """A context that `docker context create` wrote and `docker context use` chose is the one that is used."""
        path = net.unix(Talk())
        self.cli({}, home, "context", "create", "mine", "--docker", f"host=unix://{path}")
        self.cli({}, home, "context", "use", "mine")

        assert found({}, home).candidate == Candidate("context 'mine'", f"unix://{path}", None)

    def test_context_with_certificates_that_the_cli_made(self, tls: TLS, net: Net, home: Path) -> None:
        """The certificates that the CLI stored with a context are found, and lead the SDK to the engine."""
        folder, port = tls.folder, net.tcp(tls.server(Talk()))
        files = f"ca={folder}/ca.pem,cert={folder}/cert.pem,key={folder}/key.pem"
        self.cli({}, home, "context", "create", "far", "--docker", f"host=tcp://127.0.0.1:{port},{files}")

        engine = found({"DOCKER_CONTEXT": "far"}, home)

        assert engine.candidate.source == "context 'far'"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["Version"] == "28.2.2"

    def test_dial_stdio(self, net: Net, ssh: Callable[[str], dict[str, str]], home: Path) -> None:
        """The command for the other side works there, and what its CLI says of a socket is understood."""
        env = ssh('#!/bin/sh\nfor command; do :; done\nexec sh -c "$command"\n') | {"HOME": str(home)}
        healthy, stale, missing = net.unix(Talk()), net.path(), net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))

        engine = found(env | {"DOCKER_HOST": f"ssh://far.example{healthy}"}, home)

        assert engine.version == "28.2.2"
        for path, code in ((stale, Code.DAEMON_NOT_RUNNING), (missing, Code.SOCKET_MISSING)):
            reason = refused_at_once(env | {"DOCKER_HOST": f"ssh://far.example{path}"}, home)
            assert reason.code is code
            assert str(path) in reason.message

    def cli_endpoint(self, env: Mapping[str, str], home: Path) -> str:
        """Return the address of the CLI's default context; empty where it finds none."""
        shown = self.cli(env, home, "context", "ls", "--format", "{{.Name}} {{.DockerEndpoint}}", check=False)
        return next((line[8:] for line in shown.splitlines() if line.startswith("default ")), "")

    @staticmethod
    def cli(env: Mapping[str, str], home: Path, *arguments: str, check: bool = True) -> str:
        """Run the docker CLI in an environment of its own."""
        done = subprocess.run(
            ["docker", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
            capture_output=True,
            text=True,
            check=check,
            timeout=30,
        )
        return done.stdout
