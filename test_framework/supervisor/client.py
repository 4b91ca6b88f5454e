"""The client of a supervisor: over a socket to the shared one, or to one in this process."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from test_framework import owner
from test_framework.config import BadSetting, Settings
from test_framework.deadline import Deadline
from test_framework.supervisor.address import SupervisorAddress, addresses, base
from test_framework.supervisor.wire import (
    BUSY,
    UNANSWERED,
    Message,
    MessageChannel,
    ServiceRequest,
    endpoint_from_json,
    refused_from_json,
    resolution_from_json,
)

if TYPE_CHECKING:
    from test_framework.resolution import Endpoint, Refused, Resolution

_START_SECONDS = 10.0
_ASK_SECONDS = 5.0
_SILENT_SECONDS = 15.0
"""How long a supervisor may say nothing while it is at a request; one that works says so each second."""

_END_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_TRIES = 5
_LOG_LINES = 20

Overrides = Mapping[str, tuple[object, str]]


class SupervisorLost(Exception):
    """The supervisor ended while it was needed, or did not start; the message quotes its log."""


class SupervisorUnanswered(SupervisorLost):
    """There is a supervisor, and it does not answer; to ask once more is to wait once more."""


class _SupervisorEnding(Exception):
    """A supervisor ended before it said a word: it was no longer needed when it was asked."""


class SupervisorClient(Protocol):
    """What the plugin and the command line ask for. Each method raises `SupervisorLost` when there is nobody to ask."""

    def warm(self, requests: Iterable[ServiceRequest]) -> None:
        """Begin to resolve without waiting."""

    def resolve(self, request: ServiceRequest) -> Resolution:
        """Resolve a service; waits for it."""

    def dead(self, services: Iterable[str]) -> list[Refused]:
        """Return, for each of these services whose server has died, the reason and the log."""

    def end_dedicated(self) -> None:
        """End the dedicated servers of this run, and wait until they are gone."""

    def checkout(self, service: str) -> tuple[str, Endpoint]:
        """Return the name and the endpoint of a fresh part of a resolved service; raises `Refused`."""

    def leaked(self, name: str) -> tuple[list[str], bool]:
        """Return what a test changed outside of its part, and whether no other client was there meanwhile."""

    def give_back(self, name: str, *, retain: bool) -> None:
        """Give such a part back, without waiting until it is taken."""

    def leave(self) -> list[str]:
        """End the lease, and wait until external servers are as they were; return what could not be removed there."""

    def close(self) -> None:
        """End the lease."""


def connect(settings: Settings, overrides: Overrides, run: str, say: Callable[[str], None]) -> SupervisorClient:
    """Attach to the supervisor of this project and these settings, starting it where there is none.

    Args:
        settings: What the caller has read.
        overrides: The command line's part of them, for the supervisor to read the same.
        run: Identifies the run; its workers pass the same.
        say: Called with a line for a person who waits.

    Raises:
        SupervisorLost: It does not start.
        BadSetting: Its folder cannot be used.
    """
    if not settings.supervisor:
        from test_framework.supervisor.local import LocalClient

        return LocalClient(settings, overrides, run, say)
    address = SupervisorAddress.of(settings, os.environ)
    address.make()
    for _ in range(_TRIES):
        with suppress(_SupervisorEnding):
            return _SocketClient(_connect_or_start(address), address, say).hello(settings.root, overrides, run)
    raise SupervisorLost(_with_log(f"{_TRIES} supervisors, one after the other, ended as they were asked", address))


@dataclass(frozen=True, slots=True)
class RunningSupervisor:
    """A supervisor process of this user.

    Attributes:
        address: Its folder.
        mark: The mark of its process; empty where it does not say.
        root: The root of its project; empty where no client has named it yet.
        channel: A connection to it; None when it does not answer.
        told: What it holds.
    """

    address: SupervisorAddress
    mark: str
    root: str
    channel: MessageChannel | None = None
    status: Message = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self.mark.partition("_")[0])

    @property
    def description(self) -> str:
        """The sentence that says that it does not answer, and whether it is stopped."""
        return _describe_silence(self.mark)


def running_supervisors(env: Mapping[str, str]) -> Iterator[RunningSupervisor]:
    """Yield each supervisor of this user, whether it answers or not; starts nothing."""
    for address in addresses(base(env)):
        if found := _query(address):
            yield found
            if found.channel:
                found.channel.close()


def answering_supervisors(env: Mapping[str, str]) -> Iterator[tuple[MessageChannel, Message]]:
    """Yield a connection to each supervisor of this user that answers, with what it holds; starts nothing."""
    for found in running_supervisors(env):
        if found.channel:
            yield found.channel, found.status


def _query(address: SupervisorAddress) -> RunningSupervisor | None:
    """Ask one supervisor for its status; return None when there is none, or it ends before it answers."""
    deadline = Deadline(_ASK_SECONDS)
    mark, root = address.holder()
    with suppress(TimeoutError):
        while True:
            if sock := _try_connect(address, deadline.seconds_left()):
                channel = MessageChannel(sock)
                with suppress(OSError):
                    channel.send({"op": "status"}, deadline.seconds_left())
                    if answer := channel.receive(deadline.seconds_left()):
                        return RunningSupervisor(address, mark, answer["ok"]["root"], channel, answer["ok"])
                channel.close()
            # It may not listen yet, or not any more.
            mark, root = address.holder()
            if not mark:
                return None
            time.sleep(min(_LOOK_SECONDS, deadline.seconds_left()))
    return RunningSupervisor(address, mark, root) if owner.alive(mark) else None


def stop(channel: MessageChannel, *, force: bool) -> bool:
    """Tell a supervisor to end; return whether it does, which it does not while somebody else holds a lease.

    Raises:
        TimeoutError: It does not answer.
        OSError: It is gone.
    """
    channel.send({"op": "stop", "force": force}, _ASK_SECONDS)
    answer = channel.receive(_ASK_SECONDS)
    return bool(answer and answer["ok"])


def end(supervisor: RunningSupervisor) -> bool:
    """End a supervisor that does not answer by signals; return whether it is gone, with all that its guard removes.

    One that was stopped has the time to end its servers itself.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            # By its mark: the number alone may be another process by now.
            if owner.alive(supervisor.mark):
                os.kill(supervisor.pid, number)
                os.kill(supervisor.pid, signal.SIGCONT)
        if _until(lambda: not owner.alive(supervisor.mark)):
            break
    # The guard removes the socket last.
    return not owner.alive(supervisor.mark) and _until(lambda: not supervisor.address.socket.exists())


def _until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _END_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _describe_silence(mark: str) -> str:
    pid = int(mark.partition("_")[0])
    stopped = ": it is stopped, as by SIGSTOP or Ctrl-Z" if owner.stopped(pid) else ""
    return f"process {pid} holds the servers and does not answer{stopped}"


def _try_connect(address: SupervisorAddress, seconds: float = _ASK_SECONDS) -> socket.socket | None:
    """Connect; return None when nobody listens or accepts."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(str(address.socket))
    except OSError:
        sock.close()
        return None
    return sock


def _connect_or_start(address: SupervisorAddress) -> socket.socket:
    """Connect; start a supervisor where there is none, and another one when it ends before we are connected."""
    deadline = time.monotonic() + _START_SECONDS
    pid: int | None = None
    while time.monotonic() < deadline:
        if sock := _try_connect(address):
            return sock
        status = 0 if pid is None else _ended(pid)
        if status:
            raise SupervisorLost(_with_log(f"the supervisor ended as it started, with status {status}", address))
        if status == 0:
            try:
                pid = _start(address)
            except OSError as error:
                raise SupervisorLost(_with_log(f"the supervisor cannot be started: {error}", address)) from error
        time.sleep(0.005)
    if mark := address.holder()[0]:
        raise SupervisorUnanswered(_describe_unanswered(mark, address))
    raise SupervisorLost(_with_log(f"the supervisor did not start within {_START_SECONDS:g} s", address))


def _start(address: SupervisorAddress) -> int:
    """Start a supervisor that outlives us, in a session of its own; return its process id."""
    package = str(Path(__file__).parent.parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with address.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
        # Not by `subprocess`, whose objects warn when they are dropped while the process runs on, as this one is to.
        return os.posix_spawn(
            sys.executable,
            # -P, because our working folder is the project's, and its modules are not to stand in for others.
            [sys.executable, "-P", "-m", "test_framework.supervisor", str(address.folder)],
            # The URLs say all that its connections need, and what a variable of libpq said would be another client's.
            {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"PYTHONPATH": path},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ],
            setsid=True,
        )


def _ended(pid: int) -> int | None:
    """Return the exit status of a process that we have started, negative for a signal; None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if found else None


def _with_log(text: str, address: SupervisorAddress) -> str:
    with suppress(OSError):
        lines = address.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join([f"{text}. The end of its log, {address.log}:", *lines])
    return f"{text}; it wrote no log at {address.log}."


def _describe_unanswered(mark: str, address: SupervisorAddress) -> str:
    remedy = "`python -m test_framework clean --force` ends it"
    return _with_log(f"the supervisor, {_describe_silence(mark)}; {remedy}", address)


class _SocketClient:
    """See `SupervisorClient`."""

    def __init__(self, sock: socket.socket, address: SupervisorAddress, say: Callable[[str], None]) -> None:
        self._channel = MessageChannel(sock)
        self._address = address
        self._say = say
        self._lock = threading.Lock()
        self._unanswered_error: SupervisorUnanswered | None = None

    def hello(self, root: Path, overrides: Overrides, run: str) -> _SocketClient:
        """Enter the run."""
        sent = {key: list(value) for key, value in overrides.items()}
        try:
            self._ask(op="hello", run=run, pid=os.getpid(), root=str(root), env=dict(os.environ), overrides=sent)
        except SupervisorUnanswered:
            self.close()
            raise
        except SupervisorLost as error:
            # The system lets clients in for as long as the supervisor listens, also while it decides to end.
            self.close()
            raise _SupervisorEnding from error
        except BaseException:
            self.close()
            raise
        return self

    def _ask(self, **message: Any) -> Any:
        """Send a request and wait for its answer, if there is one, passing progress on."""
        with self._lock:
            if self._unanswered_error:
                raise self._unanswered_error
            try:
                self._channel.send(message, _SILENT_SECONDS)
                if message["op"] in UNANSWERED:
                    return None
                while (answer := self._channel.receive(_SILENT_SECONDS)) is not None:
                    if "progress" in answer:
                        self._say(answer["progress"])
                    elif answer != BUSY:
                        return _unwrap(answer)
            except TimeoutError as error:
                if mark := self._address.holder()[0]:
                    # Whoever asks next need not wait as well.
                    self._unanswered_error = SupervisorUnanswered(_describe_unanswered(mark, self._address))
                    raise self._unanswered_error from error
            except OSError:
                pass
        raise SupervisorLost(_with_log("the supervisor is gone, and the servers that it owned with it", self._address))

    def warm(self, requests: Iterable[ServiceRequest]) -> None:
        """See `SupervisorClient.warm`."""
        self._ask(op="warm", requests=[w.to_json() for w in requests])

    def resolve(self, request: ServiceRequest) -> Resolution:
        """See `SupervisorClient.resolve`."""
        return resolution_from_json(self._ask(op="resolve", request=request.to_json()))

    def dead(self, services: Iterable[str]) -> list[Refused]:
        """See `SupervisorClient.dead`."""
        return [refused_from_json(r) for r in self._ask(op="dead", services=list(services))]

    def end_dedicated(self) -> None:
        """See `SupervisorClient.end_dedicated`."""
        self._ask(op="end_dedicated")

    def checkout(self, service: str) -> tuple[str, Endpoint]:
        """See `SupervisorClient.checkout`."""
        answer = self._ask(op="checkout", service=service)
        return answer["name"], endpoint_from_json(answer["endpoint"])

    def leaked(self, name: str) -> tuple[list[str], bool]:
        """See `SupervisorClient.leaked`."""
        answer = self._ask(op="leaked", name=name)
        return answer["leaked"], answer["alone"]

    def give_back(self, name: str, *, retain: bool) -> None:
        """See `SupervisorClient.give_back`."""
        self._ask(op="give_back", name=name, retain=retain)

    def leave(self) -> list[str]:
        """See `SupervisorClient.leave`."""
        return list(self._ask(op="leave"))

    def close(self) -> None:
        """See `SupervisorClient.close`."""
        self._channel.close()


def _unwrap(answer: Message) -> Any:
    if "refused" in answer:
        raise refused_from_json(answer["refused"])
    if "bad" in answer:
        raise BadSetting(answer["bad"])
    return answer["ok"]
