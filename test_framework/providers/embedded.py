"""Embedded: a real server from a program that is installed here, without Docker."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from test_framework import cache_folder, owner, private
from test_framework.cleanup import FOLDER_VARIABLE, MEMORY, SERVER_FOLDER, kill_and_remove, record_pid
from test_framework.config import Download
from test_framework.contracts import Binary, Command, Context, Launch, RunAs, Service
from test_framework.inherited import inherited
from test_framework.providers._fetching import choose_program, offer_in_words, would_fetch
from test_framework.providers._programs import reachable
from test_framework.providers._startup import blaming_options, wait_healthy
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused, hide_secrets

_NAME = "embedded"
_ROOM = 1 << 30
_STOP_SECONDS = 3.0
_LOG_BYTES = 4000
_PORT_TRIES = 3


class Embedded:
    """See `contracts.Provider`."""

    name = _NAME
    builds_on = ("explicit", "docker", "embedded")

    def probe(self, service: Service, context: Context) -> str | None:
        """Look for the program and a user to run it as."""
        try:
            binary = self.find(service, context)
        except Refused:
            offer = context.settings.download is Download.AUTO and would_fetch(service, context)
            if not offer:
                raise
            self._user(service)
            return offer.version
        self._user(service)
        return binary.version or None

    def obtain(self, service: Service, context: Context) -> EmbeddedServer:
        """Start the program on a free port of the loopback network and wait until it answers."""
        run = self._user(service)
        binary, note = choose_program(service, context, fetch=True)
        context.progress(f"{service.name}: starting {binary.version or binary.path.name} from {binary.origin}")
        for attempt in range(1, _PORT_TRIES + 1):
            server = EmbeddedServer(service, binary, self._reachable(service, binary, run, context), run, context)
            try:
                with blaming_options(service, _NAME, context):
                    server.start(note)
            except Refused as refused:
                server.stop()
                # Another process may take the free port before the server does.
                if "ddress already in use" not in refused.log or attempt == _PORT_TRIES:
                    raise
            except BaseException:
                server.stop()
                raise
            else:
                return server
        raise AssertionError("unreachable")

    def would_fetch(self, service: Service, context: Context) -> str:
        """Return what would be fetched since nothing here is of the version asked for, in words; empty for nothing."""
        try:
            return offer_in_words(service, context)
        except Refused:
            # The reason is that of the probe.
            return ""

    def find(self, service: Service, context: Context) -> Binary:
        """Return the program that would be started, of those that are here; raises `Refused`."""
        return choose_program(service, context, fetch=False)[0]

    def _reachable(self, service: Service, binary: Binary, run: RunAs, context: Context) -> Binary:
        try:
            return reachable(binary, run, context)
        except (OSError, shutil.Error) as error:
            why = f"its program cannot be copied to where {run.uid} may run it: {error}"
            raise Refused(Reason.of(Code.CANNOT_DROP_ROOT, service=service.name, error=why)) from error

    def _user(self, service: Service) -> RunAs:
        if service.runs_as_root or os.geteuid() != 0:
            return RunAs()
        try:
            nobody = pwd.getpwnam("nobody")
            run = RunAs(nobody.pw_uid, nobody.pw_gid)
            subprocess.run(["/bin/true"], check=True, timeout=5, **run.popen)
        except (KeyError, OSError, subprocess.SubprocessError) as error:
            raise Refused(Reason.of(Code.CANNOT_DROP_ROOT, service=service.name, error=error)) from error
        return run


@dataclass
class EmbeddedServer:
    """A server program that we run. See `contracts.Server`.

    `installed` is the program as it was found; `binary` is the same, or a copy that the server's user can reach. The
    server works in a folder that its user owns, inside a folder of ours, which its user must not change.
    """

    service: Service
    installed: Binary
    binary: Binary
    run: RunAs
    context: Context

    def __post_init__(self) -> None:
        self._outer_folder, cleanup_key = self.context.guard.make_folder(self.service.name, _data_root())
        self._cleanup_keys = [cleanup_key]
        self.folder = self._outer_folder / SERVER_FOLDER
        self.folder.mkdir(mode=0o700)
        self._log = private.create(self._outer_folder / "server.log")
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = Endpoint(self.service.name, _NAME, "", None)

    def start(self, note: str) -> None:
        """Run it and wait until it answers."""
        needs = {name: part.endpoint.url for name, part in self.context.needs.items()}
        dedicated = self.context.dedicated
        launch = Launch(
            secrets.token_urlsafe(18),
            needs,
            self.context.env,
            dedicated,
            self.context.settings.service(self.service.name).options,
            partial(cache_folder.usable, self.context),
        )
        command = self._prepared((dedicated and dedicated.port) or _free_port(), launch)
        self._process = subprocess.Popen(  # noqa: S603  # the service's own command
            command.argv,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            cwd=self.folder,
            env={**self._inherited(), **command.env, FOLDER_VARIABLE: str(self._outer_folder.resolve())},
            start_new_session=True,
            **self.run.popen,
        )
        self._stop_signal = command.stop_signal
        pid = self._process.pid
        record_pid(self._outer_folder, pid)
        mark = owner.mark_of(pid)
        self._cleanup_keys.append(self.context.guard.add(kind="process", mark=mark, signal=command.stop_signal))
        if self._process.stdin:
            # A server that has already ended is told below, with its log.
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(command.stdin.encode())
        version = wait_healthy(
            self.service,
            _NAME,
            command.url,
            self.context,
            died=self._how_it_ended,
            log=self.log,
            before_check=command.before_check,
            logs_say=lambda: command.ready_line is None or bool(command.ready_line.search(self._log_text())),
        )
        told = version or self.binary.version or None
        endpoint = Endpoint(self.service.name, _NAME, command.url, told, note, origin=self.binary.origin)
        self.endpoint = endpoint.at(command.url, shown=hide_secrets(endpoint.safe_url))
        self.service.check_extensions(self.endpoint, self.context)

    def _prepared(self, port: int, launch: Launch) -> Command:
        try:
            command = self.service.prepare(self.binary, self.folder, port, launch, self.run)
            private.hand_over(self.folder, self.run.uid, self.run.gid)
        except (OSError, shutil.Error) as error:
            full = "No space left" in str(error)
            fields = {"service": self.service.name, "provider": _NAME, "what": self.folder, "error": error}
            raise Refused(Reason.of(Code.DISK_FULL if full else Code.START_FAILED, **fields)) from error
        launch.check_command(self.service.name, command.argv)
        return command

    def _inherited(self) -> dict[str, str]:
        """Return what the server is given of the environment; the home of another user is not his."""
        home = {} if self.run.uid is None else {"HOME": str(self.folder)}
        return inherited(self.context.env) | home

    def _how_it_ended(self) -> str | None:
        if self._process is None:
            return "it was never started"
        code = self._process.poll()
        if code is None:
            return None
        return f"process {self._process.pid} ended by {signal.Signals(-code).name}" if code < 0 else f"it exited {code}"

    @property
    def identity(self) -> str:
        """The process id."""
        return str(self._process.pid) if self._process else ""

    def died(self) -> Reason | None:
        """Ask the system whether the process still runs."""
        where = {"service": self.service.name, "provider": _NAME}
        if ended := self._how_it_ended():
            return Reason.of(Code.SERVER_DIED, error=ended, **where)
        if self._process and owner.stopped(self._process.pid):
            error = f"process {self._process.pid} is stopped, as by SIGSTOP"
            return Reason.of(Code.SERVER_HANGS, error=error, **where)
        return None

    def outdated(self, context: Context) -> bool:
        """Whether another program would be found now."""
        return self.installed != PROVIDER.find(self.service, context)

    def url_from_container(self, url: str) -> str:
        """Return the same URL: no container is started on a server of this kind, see `Docker.builds_on`."""
        return url

    def log(self) -> str:
        """Return the end of what the server wrote."""
        return hide_secrets(self._log_text()[-_LOG_BYTES:])

    def _log_text(self) -> str:
        # By the descriptor, and without moving it: the server writes by the same one.
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors="replace")

    def stop(self) -> None:
        """End the process, by force when it does not go, and remove its folder."""
        if self._process and self._process.poll() is None:
            # One that is stopped hears of no signal but this.
            number = signal.SIGKILL if owner.stopped(self._process.pid) else self._stop_signal
            self._process.send_signal(number)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(_STOP_SECONDS)
        # One that somebody else has killed leaves more than its folder.
        kill_and_remove(self._outer_folder)
        self._log.close()
        for cleanup_key in self._cleanup_keys:
            self.context.guard.drop(cleanup_key)
        self._cleanup_keys = []


def _data_root() -> Path:
    """Return where data directories go: memory where there is room for them, else the temporary folder."""
    try:
        stat = os.statvfs(MEMORY)
        if os.access(MEMORY, os.W_OK) and stat.f_bavail * stat.f_frsize > _ROOM:
            return MEMORY
    except OSError:
        pass
    return Path(tempfile.gettempdir())


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


PROVIDER = Embedded()
