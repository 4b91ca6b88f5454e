"""A client's hold on the servers: over a socket on the shared supervisor, or on one in this process."""

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
from test_framework.supervisor.address import Address, addresses, base
from test_framework.supervisor.wire import (
    BUSY,
    UNANSWERED,
    Channel,
    Message,
    Want,
    endpoint_from,
    refused_from,
    resolution_from,
)

if TYPE_CHECKING:
    from test_framework.resolution import Endpoint, Refused, Resolution

__all__ = ["Client", "Holder", "SupervisorLost", "Unanswered", "connect", "end", "holders", "running", "stop"]

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


class Unanswered(SupervisorLost):
    """There is a supervisor, and it does not answer; to ask once more is to wait once more."""


class _OnItsWayOut(Exception):
    """A supervisor ended before it said a word: it was no longer needed when it was asked."""


class Client(Protocol):
    """What the plugin and the command line ask for. Each method raises `SupervisorLost` when there is nobody to ask."""

    def warm(self, wants: Iterable[Want]) -> None:
        """Begin to resolve without waiting."""

    def resolve(self, want: Want) -> Resolution:
        """Resolve a service; waits for it."""

    def dead(self, services: Iterable[str]) -> list[Refused]:
        """Return why each of these that has died did."""

    def end_dedicated(self) -> None:
        """End what this run has to itself, and wait until that is gone."""

    def checkout(self, service: str) -> tuple[str, Endpoint]:
        """Return the name and the endpoint of a fresh part of a resolved service; raises `Refused`."""

    def leaked(self, name: str) -> tuple[list[str], bool]:
        """Return what a test changed outside of its part, and whether no other client was there meanwhile."""

    def give_back(self, name: str, *, keep: bool) -> None:
        """Give such a part back, without waiting until it is taken."""

    def leave(self) -> list[str]:
        """Let go of everything, and wait until servers of somebody else's are left as they were; say what stays."""

    def close(self) -> None:
        """End the lease."""


def connect(settings: Settings, overrides: Overrides, run: str, say: Callable[[str], None]) -> Client:
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
    address = Address.of(settings, os.environ)
    address.make()
    for _ in range(_TRIES):
        with suppress(_OnItsWayOut):
            return _SocketClient(_reach(address), address, say).hello(settings.root, overrides, run)
    raise SupervisorLost(_with_log(f"{_TRIES} supervisors, one after the other, ended as they were asked", address))


@dataclass(frozen=True, slots=True)
class Holder:
    """A supervisor of this user.

    Attributes:
        address: Its folder.
        mark: Of its process; empty where it does not say.
        root: Of its project; empty where nobody has said yet.
        channel: A connection to it; None when it does not answer.
        told: What it holds.
    """

    address: Address
    mark: str
    root: str
    channel: Channel | None = None
    told: Message = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self.mark.partition("_")[0])

    @property
    def silence(self) -> str:
        """Who does not answer, in words, for as long as that lasts."""
        return _silence(self.mark)


def holders(env: Mapping[str, str]) -> Iterator[Holder]:
    """Yield each supervisor of this user, whether it answers or not; starts nothing."""
    for address in addresses(base(env)):
        if found := _asked(address):
            yield found
            if found.channel:
                found.channel.close()


def running(env: Mapping[str, str]) -> Iterator[tuple[Channel, Message]]:
    """Yield a connection to each supervisor of this user that answers, with what it holds; starts nothing."""
    for found in holders(env):
        if found.channel:
            yield found.channel, found.told


def _asked(address: Address) -> Holder | None:
    """Ask what it holds; None when nobody is there, or ends before the time for an answer is over."""
    deadline = Deadline(_ASK_SECONDS)
    mark, root = address.holder()
    with suppress(TimeoutError):
        while True:
            if sock := _knock(address, deadline.left()):
                channel = Channel(sock)
                with suppress(OSError):
                    channel.send({"op": "status"}, deadline.left())
                    if answer := channel.receive(deadline.left()):
                        return Holder(address, mark, answer["ok"]["root"], channel, answer["ok"])
                channel.close()
            # It may not listen yet, or not any more.
            mark, root = address.holder()
            if not mark:
                return None
            time.sleep(min(_LOOK_SECONDS, deadline.left()))
    return Holder(address, mark, root) if owner.alive(mark) else None


def stop(channel: Channel, *, force: bool) -> bool:
    """Tell a supervisor to end; return whether it does, which it does not while somebody else holds a lease.

    Raises:
        TimeoutError: It does not answer.
        OSError: It is gone.
    """
    channel.send({"op": "stop", "force": force}, _ASK_SECONDS)
    answer = channel.receive(_ASK_SECONDS)
    return bool(answer and answer["ok"])


def end(holder: Holder) -> bool:
    """End a supervisor that does not answer by signals; return whether it is gone, with all that its guard removes.

    One that was stopped has the time to end its servers itself.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            # By its mark: the number alone may be another process by now.
            if owner.alive(holder.mark):
                os.kill(holder.pid, number)
                os.kill(holder.pid, signal.SIGCONT)
        if _until(lambda: not owner.alive(holder.mark)):
            break
    # The guard removes the socket last.
    return not owner.alive(holder.mark) and _until(lambda: not holder.address.socket.exists())


def _until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _END_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _silence(mark: str) -> str:
    pid = int(mark.partition("_")[0])
    stopped = ": it is stopped, as by SIGSTOP or Ctrl-Z" if owner.stopped(pid) else ""
    return f"process {pid} holds the servers and does not answer{stopped}"


def _knock(address: Address, seconds: float = _ASK_SECONDS) -> socket.socket | None:
    """Connect; None when nobody listens, or lets anybody in."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(str(address.socket))
    except OSError:
        sock.close()
        return None
    return sock


def _reach(address: Address) -> socket.socket:
    """Connect, starting a supervisor as often as one turns out to be on its way out."""
    deadline = time.monotonic() + _START_SECONDS
    pid: int | None = None
    while time.monotonic() < deadline:
        if sock := _knock(address):
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
        raise Unanswered(_unanswered(mark, address))
    raise SupervisorLost(_with_log(f"the supervisor did not start within {_START_SECONDS:g} s", address))


def _start(address: Address) -> int:
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


def _with_log(text: str, address: Address) -> str:
    with suppress(OSError):
        lines = address.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join([f"{text}. The end of its log, {address.log}:", *lines])
    return f"{text}; it wrote no log at {address.log}."


def _unanswered(mark: str, address: Address) -> str:
    remedy = "`python -m test_framework clean --force` ends it"
    return _with_log(f"the supervisor, {_silence(mark)}; {remedy}", address)


class _SocketClient:
    """See `Client`."""

    def __init__(self, sock: socket.socket, address: Address, say: Callable[[str], None]) -> None:
        self._channel = Channel(sock)
        self._address = address
        self._say = say
        self._lock = threading.Lock()
        self._lost: Unanswered | None = None

    def hello(self, root: Path, overrides: Overrides, run: str) -> _SocketClient:
        """Enter the run."""
        told = {key: list(value) for key, value in overrides.items()}
        try:
            self._ask(op="hello", run=run, pid=os.getpid(), root=str(root), env=dict(os.environ), overrides=told)
        except Unanswered:
            self.close()
            raise
        except SupervisorLost as error:
            # The system lets clients in for as long as the supervisor listens, also while it decides to end.
            self.close()
            raise _OnItsWayOut from error
        except BaseException:
            self.close()
            raise
        return self

    def _ask(self, **message: Any) -> Any:
        """Send a request and wait for its answer, if there is one, passing progress on."""
        with self._lock:
            if self._lost:
                raise self._lost
            try:
                self._channel.send(message, _SILENT_SECONDS)
                if message["op"] in UNANSWERED:
                    return None
                while (answer := self._channel.receive(_SILENT_SECONDS)) is not None:
                    if "progress" in answer:
                        self._say(answer["progress"])
                    elif answer != BUSY:
                        return _opened(answer)
            except TimeoutError as error:
                if mark := self._address.holder()[0]:
                    # Whoever asks next need not wait as well.
                    self._lost = Unanswered(_unanswered(mark, self._address))
                    raise self._lost from error
            except OSError:
                pass
        raise SupervisorLost(_with_log("the supervisor is gone, and the servers that it owned with it", self._address))

    def warm(self, wants: Iterable[Want]) -> None:
        """See `Client.warm`."""
        self._ask(op="warm", wants=[w.to_json() for w in wants])

    def resolve(self, want: Want) -> Resolution:
        """See `Client.resolve`."""
        return resolution_from(self._ask(op="resolve", want=want.to_json()))

    def dead(self, services: Iterable[str]) -> list[Refused]:
        """See `Client.dead`."""
        return [refused_from(r) for r in self._ask(op="dead", services=list(services))]

    def end_dedicated(self) -> None:
        """See `Client.end_dedicated`."""
        self._ask(op="end_dedicated")

    def checkout(self, service: str) -> tuple[str, Endpoint]:
        """See `Client.checkout`."""
        answer = self._ask(op="checkout", service=service)
        return answer["name"], endpoint_from(answer["endpoint"])

    def leaked(self, name: str) -> tuple[list[str], bool]:
        """See `Client.leaked`."""
        answer = self._ask(op="leaked", name=name)
        return answer["leaked"], answer["alone"]

    def give_back(self, name: str, *, keep: bool) -> None:
        """See `Client.give_back`."""
        self._ask(op="give_back", name=name, keep=keep)

    def leave(self) -> list[str]:
        """See `Client.leave`."""
        return list(self._ask(op="leave"))

    def close(self) -> None:
        """See `Client.close`."""
        self._channel.close()


def _opened(answer: Message) -> Any:
    if "refused" in answer:
        raise refused_from(answer["refused"])
    if "bad" in answer:
        raise BadSetting(answer["bad"])
    return answer["ok"]
