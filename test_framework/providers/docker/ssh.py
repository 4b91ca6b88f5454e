"""A stream through the ssh program to `docker system dial-stdio`, as docker/cli's `cli/connhelper` makes it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from test_framework.providers.docker.channel import LOGIN_SECONDS, Channel, Clock, reason
from test_framework.providers.docker.program import ask_program
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.endpoint import Candidate

_LAST_WORDS_SECONDS = 0.2
_NAME_SECONDS = 2.0
_SPOKEN = re.compile(rb"Remote protocol version|mux_client_request_session")
_LET_IN = re.compile(rb"Sending command:|mux_client_request_session")
"""What `ssh -v` says once the server has sent its banner, and once it lets us in; the second where a connection that is
shared takes on the session."""

_CHATTER = re.compile(r"debug\d: |OpenSSH_\S+, |Authenticated to |Transferred: |Bytes per second: |@@@|\s*$")
"""What `ssh -v` says beside errors."""

_DIAL_FAULTS = {
    "permission denied": (Code.PERMISSION_DENIED, "On {host}, run: sudo usermod -aG docker {user}."),
    "no such file": (Code.SOCKET_MISSING, "Start Docker on {host}, or name its socket: ssh://USER@HOST/PATH."),
    "connection refused": (Code.DAEMON_NOT_RUNNING, "Start Docker on {host} (Linux: sudo systemctl start docker)."),
}
_SSH_FAULTS: tuple[tuple[re.Pattern[str], Code, str], ...] = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"),
        Code.SSH_HOST_KEY,
        "If the machine was set up anew, run: ssh-keygen -R {name}, then: ssh {target}. Else somebody is in between.",
    ),
    (re.compile(r"No \S+ host key is known for .*|.*Host key verification failed.*"), Code.SSH_HOST_KEY, ""),
    (re.compile(r"(?im).*(permission denied \(|too many authentication failures).*"), Code.SSH_LOGIN_REFUSED, ""),
    (re.compile(r"(?im).*(docker.*(not found|no such file)|not found.*docker).*"), Code.SSH_DOCKER_MISSING, ""),
)
"""What ssh, or the shell there, says, what it means, and what to do where the catalogue's remedy is too wide."""


class Dial:
    """An ssh process that joins a socket of ours to an engine, and is killed when this is closed.

    It runs in batch mode: whatever needs a password or an unknown host's confirmation fails.

    Attributes:
        sock: Our end; whether ssh gets through shows in the first answer.
        process: ssh.
        errors: What ssh says; reading from it never waits.
        silent: Whether ssh has ended what it says, as far as `listen` knows.
    """

    def __init__(self, candidate: Candidate, env: Mapping[str, str], *more: str) -> None:
        """Start ssh.

        Args:
            candidate: An `ssh://` address.
            env: The environment of ssh, on whose PATH it is looked up.
            more: Further options for it.

        Raises:
            Refused: `ssh-transport-missing`, when no ssh is on the PATH of `env`, or it does not run.
        """
        program = _program(candidate, env)
        # Its own timeout is for the exchange of keys too, not only for the connection.
        options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={LOGIN_SECONDS:.0f}", *more]
        address = urlsplit(candidate.host)
        remote = ["docker", "system", "dial-stdio"]
        if address.path.strip("/"):
            remote[1:1] = ["--host", f"unix://{unquote(address.path)}"]
        # The remote shell parses the command once more.
        command = [program, *options, *_target(address), shlex.join(remote)]
        self.sock, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the user's own ssh, and an address that parse_host accepted
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env=dict(env),
                # Its own session has no terminal to ask on, and can be ended whole, with a ProxyCommand.
                start_new_session=True,
            )
        except OSError as error:
            self.sock.close()
            raise Refused(reason(candidate, Code.SSH_TRANSPORT_MISSING, error.strerror or str(error))) from error
        finally:
            theirs.close()
        if self.process.stderr is None:
            raise AssertionError("it is a pipe")
        self.errors = self.process.stderr
        # A connection that ssh shares in the background keeps the pipe open: nobody waits for its end.
        os.set_blocking(self.errors.fileno(), False)
        self.silent = False
        self._said = b""

    def listen(self) -> bytes:
        """Return all that ssh has said so far."""
        data = self.errors.read()
        self.silent = data == b""
        self._said += data or b""
        return self._said

    def last_words(self, seconds: float) -> list[str]:
        """Return what ssh, or docker behind it, said up to its end, for which it waits so long; at least one line."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        lines = self.listen().decode(errors="replace").splitlines()
        said = [line.strip()[:200] for line in lines if not _CHATTER.match(line)]
        return said or [f"ssh ended with status {self.process.returncode}"]

    def close(self) -> None:
        """End it."""
        self.sock.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.errors.close()


def connect_ssh(candidate: Candidate, env: Mapping[str, str], clock: Clock) -> Channel:
    """Start ssh; whether it gets through shows in the first answer.

    Raises:
        Refused: `ssh-transport-missing`.
    """
    dial = Dial(candidate, env, "-v")
    clock.unreachable("ssh does not get through")
    return _SSHChannel(dial, candidate, clock)


def real_name(candidate: Candidate, env: Mapping[str, str]) -> str:
    """Return the name or address of the machine of an `ssh://` address, which may be an alias in ssh's configuration.

    Raises:
        Refused: `ssh-transport-missing`.
    """
    address = urlsplit(candidate.host)
    command = [_program(candidate, env), "-G", *_target(address)]
    with suppress(OSError, ValueError):
        # Its configuration may run programs (Match exec), which end with it.
        answer = ask_program(command, env, _NAME_SECONDS)
        found = re.search(r"(?m)^hostname (\S+)$", answer.out.decode(errors="replace"))
        if found and not answer.status:
            return found[1]
    return address.hostname or ""


def _program(candidate: Candidate, env: Mapping[str, str]) -> str:
    program = shutil.which("ssh", path=env.get("PATH", os.defpath))
    if program is None:
        raise Refused(reason(candidate, Code.SSH_TRANSPORT_MISSING))
    return program


def _target(address: SplitResult) -> list[str]:
    arguments = []
    if address.username:
        arguments += ["-l", unquote(address.username)]
    if address.port:
        arguments += ["-p", str(address.port)]
    return [*arguments, "--", address.hostname or ""]


class _SSHChannel(Channel):
    """A channel over a dial. Silence is ssh's until it has got through, and then the engine's."""

    def __init__(self, dial: Dial, candidate: Candidate, clock: Clock) -> None:
        super().__init__(dial.sock, clock)
        self._dial = dial
        self._candidate = candidate
        self._spoken = False
        self._heard = False

    def send(self, data: bytes) -> None:
        try:
            super().send(data)
        except ConnectionError as error:
            raise Refused(self._fault()) from error

    def receive(self) -> bytes:
        try:
            if not self._heard:
                self._wait()
            data = super().receive()
        except ConnectionError:
            # ssh ended with the question unread.
            data = b""
        if not data and not self._heard:
            raise Refused(self._fault())
        if not self._heard:
            self._heard = True
            self._clock.hung()
        return data

    def _wait(self) -> None:
        """Wait for the first answer, and give a machine that has spoken the time for a login."""
        dial = self._dial
        while True:
            with DefaultSelector() as watch:
                for source in (dial.sock,) if dial.silent else (dial.sock, dial.errors):
                    watch.register(source, EVENT_READ)
                ready = [key.fileobj for key, _ in watch.select(self._clock.seconds_left())]
            if dial.sock in ready:
                return
            said = dial.listen()
            if not self._spoken and _SPOKEN.search(said):
                self._spoken = True
                self._clock.prolong(LOGIN_SECONDS)
                self._clock.unreachable("the machine answers, and the login through ssh does not end")
            if _LET_IN.search(said):
                self._clock.hung("ssh lets us in, and docker there does not answer")

    def close(self) -> None:
        super().close()
        self._dial.close()

    def _fault(self) -> Reason:
        """Return what ssh, or docker behind it, said when it ended without an answer."""
        lines = self._dial.last_words(min(_LAST_WORDS_SECONDS, self._clock.seconds_left()))
        said, remote = lines[-1], urlsplit(self._candidate.host)
        if "dial unix" in said:
            # ssh got through, and it is dial-stdio that reports on the daemon's socket.
            user = unquote(remote.username or "USER")
            for words, (code, remedy) in _DIAL_FAULTS.items():
                if words in said:
                    remedy = remedy.format(host=remote.hostname, user=user)  # noqa: PLW2901
                    return reason(self._candidate, code, said, remedy=remedy, user=user)
        name = f"'[{remote.hostname}]:{remote.port}'" if remote.port else str(remote.hostname)
        login = f"{unquote(remote.username)}@" if remote.username else ""
        target = f"{f'-p {remote.port} ' if remote.port else ''}{login}{remote.hostname}"
        for pattern, code, remedy in _SSH_FAULTS:
            if found := pattern.search("\n".join(lines)):
                told = {"error": found[0].strip(), "target": target}
                return reason(self._candidate, code, remedy=remedy.format(name=name, target=target), **told)
        return reason(self._candidate, Code.REMOTE_UNREACHABLE, error=said)
