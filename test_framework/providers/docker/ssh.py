"""A stream through the ssh program to `docker system dial-stdio`, as docker/cli's `cli/connhelper` makes it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from test_framework.providers.docker.transport import Channel, Clock, reason
from test_framework.verdict import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.endpoint import Candidate

__all__ = ["connect_ssh"]

_LAST_WORDS_SECONDS = 0.2
_DIAL_FAULTS = {
    "permission denied": Code.PERMISSION_DENIED,
    "no such file": Code.SOCKET_MISSING,
    "connection refused": Code.DAEMON_NOT_RUNNING,
}


def connect_ssh(candidate: Candidate, env: Mapping[str, str], clock: Clock) -> Channel:
    """Start ssh; whether it gets through shows in the first answer.

    It runs in batch mode: whatever needs a password or an unknown host's confirmation fails.

    Raises:
        Refused: `ssh-transport-missing`, when no ssh is on the PATH of `env`.
    """
    program = shutil.which("ssh", path=env.get("PATH", os.defpath))
    if program is None:
        raise Refused(reason(candidate, Code.SSH_TRANSPORT_MISSING))
    address = urlsplit(candidate.host)
    command = [program, *_arguments(address, clock.seconds)]
    clock.unreachable("ssh does not get through")
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own ssh, and an address that parse_host accepted
            command,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            env=dict(env),
            # Its own session has no terminal to ask on, and can be ended whole, with a ProxyCommand.
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise Refused(reason(candidate, Code.SSH_TRANSPORT_MISSING, error.strerror or str(error))) from error
    finally:
        theirs.close()
    return _SSHChannel(ours, candidate, process, clock)


def _arguments(address: SplitResult, seconds: float) -> list[str]:
    arguments = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={ceil(seconds)}"]
    if address.username:
        arguments += ["-l", unquote(address.username)]
    if address.port:
        arguments += ["-p", str(address.port)]
    remote = ["docker", "system", "dial-stdio"]
    if address.path.strip("/"):
        remote[1:1] = ["--host", f"unix://{unquote(address.path)}"]
    # The remote shell parses the command once more.
    return [*arguments, "--", address.hostname or "", shlex.join(remote)]


class _SSHChannel(Channel):
    """The two ends of an ssh process, which is killed when the channel closes."""

    def __init__(
        self, sock: socket.socket, candidate: Candidate, process: subprocess.Popen[bytes], clock: Clock
    ) -> None:
        super().__init__(sock, clock)
        self._candidate = candidate
        self._process = process
        self._heard = False

    def send(self, data: bytes) -> None:
        try:
            super().send(data)
        except ConnectionError as error:
            raise Refused(self._fault()) from error

    def receive(self) -> bytes:
        try:
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

    def close(self) -> None:
        super().close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def _fault(self) -> Reason:
        """Return what ssh, or docker behind it, said when it ended without an answer."""
        said = self._last_words()
        remote = urlsplit(self._candidate.host)
        if "dial unix" in said:
            # ssh got through, and it is dial-stdio that reports on the daemon's socket.
            for words, code in _DIAL_FAULTS.items():
                if words in said:
                    return reason(self._candidate, code, said, user=remote.username or "there")
        return reason(self._candidate, Code.REMOTE_UNREACHABLE, error=said)

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(min(_LAST_WORDS_SECONDS, self._clock.left()))
        if self._process.stderr is None:
            return "ssh ended"
        # A connection that ssh shares in the background keeps the pipe open: do not wait for its end.
        os.set_blocking(self._process.stderr.fileno(), False)
        lines = (self._process.stderr.read() or b"").decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else f"ssh ended with status {self._process.returncode}"
