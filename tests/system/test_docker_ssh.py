"""Engines behind ssh, and what ssh says when it does not get through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from test_framework.providers.docker.probe import probe
from test_framework.resolution import Code
from tests.conftest import wait_until
from tests.support.engines import DIAL, PING, SSH_TO_SOCKET, Net, Talk, alive, found, refused, refused_at_once, silent

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path


class TestSSH:
    """Engines behind ssh."""

    def test_program_is_missing(self, home: Path) -> None:
        """Without an ssh program on the PATH of the environment there is no way there."""
        env = {"DOCKER_HOST": "ssh://far.example", "PATH": str(home)}

        reason = refused_at_once(env, home)

        assert reason.code is Code.SSH_TRANSPORT_MISSING
        assert "ssh://far.example" in reason.message

    def test_program_cannot_run(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh program that the system refuses to run is as good as none."""
        assert refused_at_once(ssh("#!/no/such/interpreter\n"), home).code is Code.SSH_TRANSPORT_MISSING

    def test_engine_is_reached(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """Both questions go through one ssh, which is told never to ask a person, and does not outlive the probe."""
        talk, arguments = Talk(), home / "arguments"
        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(talk)), arguments=str(arguments)))

        engine = found(env, home)

        assert engine.version == "28.2.2"
        assert engine.environment()["DOCKER_HOST"] == env["DOCKER_HOST"]
        assert talk.heard == ["/_ping", "/version"]
        options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-v"]
        there = ["-l", "dev", "-p", "2222", "--", "far.example", "docker system dial-stdio"]
        process, *told = json.loads(arguments.read_text())
        assert told == [*options, *there]
        assert not alive(process)

    def test_socket_on_the_other_side(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """A path in the address names the socket there, quoted for the shell there."""
        arguments = home / "arguments"
        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(Talk())), arguments=str(arguments)))

        found(env | {"DOCKER_HOST": "ssh://far.example/run/a b.sock"}, home)

        command = json.loads(arguments.read_text())[-1]
        assert command == "docker --host 'unix:///run/a b.sock' system dial-stdio"

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ("dev@far.example: Permission denied (publickey).", Code.SSH_LOGIN_REFUSED),
            ("ssh: Could not resolve hostname far.example", Code.REMOTE_UNREACHABLE),
            ("Host key verification failed.", Code.SSH_HOST_KEY),
            ("sh: 1: docker: not found", Code.SSH_DOCKER_MISSING),
            ("bash: docker: no such file or directory", Code.SSH_DOCKER_MISSING),
            ("zsh: command not found: docker", Code.SSH_DOCKER_MISSING),
            (f"{DIAL}: connection refused", Code.DAEMON_NOT_RUNNING),
            (f"{DIAL}: permission denied", Code.PERMISSION_DENIED),
            (f"{DIAL}: no such file or directory", Code.SOCKET_MISSING),
        ],
    )
    def test_last_words_are_told(self, said: str, code: Code, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """What ssh, or docker behind it, says before it ends decides the code and is quoted."""
        reason = refused_at_once(ssh(f"#!/bin/sh\necho a banner >&2\necho '{said}' >&2\nexit 255\n"), home)

        assert reason.code is code
        assert said in reason.message
        assert "ssh://dev@far.example:2222" in reason.message

    def test_end_without_a_word(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh that ends in silence is told by its status."""
        reason = refused_at_once(ssh("#!/bin/sh\nexit 7\n"), home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "status 7" in reason.message

    def test_ssh_that_hangs_is_ended(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh that does not get through is ended, with the programs that it started."""
        pids = home / "pids"

        reason = refused(ssh(f"#!/bin/sh\nsleep 60 &\necho $$ $! > {pids}\nwait\n"), home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "within 1 s" in reason.message
        wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), "they have ended")

    def test_login_may_take_longer_than_a_probe(
        self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]
    ) -> None:
        """A machine that has spoken has the time for a login, which is many round trips."""
        program = home / "after the login"
        program.write_text(SSH_TO_SOCKET.format(path=str(net.unix(Talk())), arguments=str(home / "arguments")))
        program.chmod(0o755)
        login = "#!/bin/sh\necho 'debug1: Remote protocol version 2.0' >&2\nsleep 2\n"

        assert probe(ssh(f'{login}exec "{program}" "$@"\n'), home).version == "28.2.2"

    def test_login_that_does_not_end(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """A machine that speaks and does not let us in is told from one that does not speak."""
        reason = refused(ssh("#!/bin/sh\necho 'debug1: Remote protocol version 2.0' >&2\nsleep 60\n"), home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "the machine answers, and the login through ssh does not end within 5 s" in reason.message

    def test_engine_that_hangs_behind_ssh(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """Once something came through ssh, silence is the engine's."""

        def begin(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:20])
            silent(connection)

        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(begin)), arguments=str(home / "arguments")))

        # The program that stands for ssh takes a moment to start.
        assert refused(env, home, seconds=3).code is Code.DAEMON_HUNG
