"""The supervisor as a process: a socket, a thread for each client, and an end when no client is left."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from test_framework import owner, private
from test_framework.config import BadSetting
from test_framework.deadline import within
from test_framework.resolution import Refused, hide_secrets
from test_framework.supervisor.address import SupervisorAddress, addresses
from test_framework.supervisor.core import Supervisor
from test_framework.supervisor.guard import Guard
from test_framework.supervisor.run import Run
from test_framework.supervisor.wire import (
    BUSY,
    UNANSWERED,
    Message,
    MessageChannel,
    ServiceRequest,
    endpoint_to_json,
    refused_to_json,
    resolution_to_json,
)

_log = logging.getLogger(__name__)
_FIRST_CLIENT_SECONDS = 2.0
_HELLO_SECONDS = 10.0
"""The bound on each message of a client without a lease, since it keeps the supervisor from ending."""

_CLOSE_SECONDS = 20.0
_BUSY_SECONDS = 1.0
_OFFER_SECONDS = 0.5
_LOCK_SECONDS = 10.0
_LOG_LIMIT = 1 << 20
_HANGUP = getattr(select, "POLLRDHUP", 0)
"""Besides POLLHUP, which need not be asked for: Linux tells of a client that is gone by this one."""


class SupervisorProcess:
    """Accepts clients, and decides when to end."""

    def __init__(self, address: SupervisorAddress) -> None:
        self._address = address
        self._supervisor = Supervisor(address.passwords, Guard())
        self._lock = threading.Lock()
        self._clients: dict[int, dict[str, Any]] = {}
        self._numbers = count(1)
        self._idle = _FIRST_CLIENT_SECONDS
        self._last_left = time.monotonic()
        self._ending = False
        self._root = ""
        self._wake_read, self._wake_write = os.pipe()
        self._events = select.poll()
        self._connections: dict[int, int] = {}
        self._client_connections: dict[int, _ClientConnection] = {}

    def serve(self) -> None:
        """Listen until the last client has been gone for the idle time, or until told to end."""
        guard, address = self._supervisor.guard, self._address
        paths = {"path": address.socket, "lock": address.lock, "passwords": address.passwords}
        cleanup_key = guard.add(kind="socket", **{name: str(path) for name, path in paths.items()})
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        address.tidy()
        private.ensure(address.passwords)
        listener.bind(str(address.socket))
        listener.listen(128)
        _log.info("supervisor %d listens on %s", os.getpid(), address.socket)
        for descriptor in (listener.fileno(), self._wake_read):
            self._events.register(descriptor, select.POLLIN)
        while (left := self._seconds_left()) is None or left > 0:
            # Clients that wait for an answer are told each second that we work on it.
            found = self._events.poll((_BUSY_SECONDS if left is None else left) * 1000)
            for client in list(self._client_connections.values()):
                client.send_busy()
            # The listener comes last: a new connection may get the number of one that has just hung up.
            for descriptor, _ in sorted(found, key=lambda event: event[0] == listener.fileno()):
                if descriptor == self._wake_read:
                    os.read(descriptor, 4096)
                elif descriptor == listener.fileno():
                    self._accept(listener)
                else:
                    self._connection_closed(descriptor)
        # A client that connects from now on starts the next supervisor, which waits for our lock.
        address.socket.unlink(missing_ok=True)
        listener.close()
        try:
            within(_CLOSE_SECONDS, "what it owns", self._supervisor.close)
        except TimeoutError as error:
            # Our end is what the guard waits for, and it asks nobody.
            _log.warning("%s: the guard ends it", error)
        private.remove(address.passwords)
        guard.drop(cleanup_key)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        number = next(self._numbers)
        with self._lock:
            self._clients[number] = {}
        self._connections[connection.fileno()] = number
        self._events.register(connection, _HANGUP)
        threading.Thread(target=self._serve_client, args=(MessageChannel(connection), number), daemon=True).start()

    def _connection_closed(self, descriptor: int) -> None:
        """Stop counting a client that has hung up, also while a server starts; `_serve_client` ends the lease."""
        self._events.unregister(descriptor)
        self._client_gone(self._connections.pop(descriptor))

    def _client_gone(self, number: int) -> None:
        with self._lock:
            # A client that only asked for the status has held no lease.
            if self._clients.pop(number, None):
                self._last_left = time.monotonic()

    def _seconds_left(self) -> float | None:
        with self._lock:
            if self._ending:
                return 0
            if self._clients:
                return None
            return self._last_left + self._idle - time.monotonic()

    def end(self, *_: object) -> None:
        """End now, whoever is connected."""
        self._ending = True
        os.write(self._wake_write, b".")

    def _serve_client(self, channel: MessageChannel, number: int) -> None:
        """Serve one client until its connection ends, which is how a lease ends."""
        client = self._client_connections[number] = _ClientConnection(channel, str(number), self._supervisor)
        try:
            while message := channel.receive(None if client.entered else _HELLO_SECONDS):
                if message["op"] == "hello":
                    self._hello(client, message, number)
                elif message["op"] == "stop":
                    channel.send({"ok": self._stop(number, force=message["force"])})
                elif message["op"] == "status":
                    channel.send({"ok": self._status()})
                else:
                    client.handle(message)
        except OSError as error:
            _log.info("client %d: %s", number, error)
        except Exception:
            _log.exception("client %d", number)
        finally:
            self._client_connections.pop(number)
            client.leave()
            channel.close()
            self._client_gone(number)
            with suppress(OSError):
                os.write(self._wake_write, b".")

    def _hello(self, client: _ClientConnection, message: Message, number: int) -> None:
        run = client.hello(message)
        if run is None:
            return
        with self._lock:
            self._idle = run.settings.idle_seconds
            if not self._root:
                self._root = str(run.settings.root)
                with self._address.lock.open("a", encoding="utf-8") as lock:
                    lock.write(self._root)
            self._clients[number] = {"run": run.id, "pid": message["pid"]}

    def _stop(self, number: int, *, force: bool) -> bool:
        """End, unless another client holds a lease."""
        with self._lock:
            free = force or not any(c for n, c in self._clients.items() if n != number)
        if free:
            self.end()
        return free

    def _status(self) -> Message:
        with self._lock:
            clients = [c for c in self._clients.values() if c]
        return {
            "pid": os.getpid(),
            "root": self._root,
            "log": str(self._address.log),
            "idle_seconds": self._idle,
            "clients": clients,
            "servers": self._supervisor.status(),
        }


class _ClientConnection:
    """One client's requests, answered in the order in which they come."""

    def __init__(self, channel: MessageChannel, name: str, supervisor: Supervisor) -> None:
        self._channel = channel
        self._sending = threading.Lock()
        self._name = name
        self._supervisor = supervisor
        self._run: Run | None = None
        self._busy = False

    @property
    def entered(self) -> bool:
        """Whether it holds a lease."""
        return self._run is not None

    def _send(self, message: Message) -> None:
        with self._sending:
            self._channel.send(message)

    def _send_progress(self, text: str) -> None:
        self._offer({"progress": text}, _OFFER_SECONDS)

    def send_busy(self) -> None:
        """Tell a client that waits that its request is being worked on."""
        if self._busy:
            with suppress(OSError):
                self._offer(BUSY, 0)

    def _offer(self, message: Message, seconds: float) -> None:
        """Send a message that may be lost: a client that does not read must not block us."""
        if self._sending.acquire(timeout=seconds):
            try:
                self._channel.offer(message)
            finally:
                self._sending.release()

    def hello(self, message: Message) -> Run | None:
        """Enter the run, with the settings read again from the sources that the client names."""
        overrides = {key: (value, source) for key, (value, source) in message["overrides"].items()}
        try:
            run = Run.of(message["run"], Path(message["root"]), message["env"], overrides)
        except BadSetting as error:
            self._send({"bad": str(error)})
            return None
        self._run = self._supervisor.enter(run)
        self._send({"ok": {"pid": os.getpid()}})
        return self._run

    def leave(self) -> None:
        """End the lease, once."""
        run, self._run = self._run, None
        if run:
            self._supervisor.leave(run, self._name)

    def handle(self, message: Message) -> None:
        """Handle one request, and answer it unless it is one of `UNANSWERED`."""
        self._busy = message["op"] not in UNANSWERED
        try:
            answer = self._answer(message)
        except Refused as refused:
            answer = {"refused": refused_to_json(refused)}
        except BadSetting as error:
            answer = {"bad": str(error)}
        except Exception as error:
            # A fault of ours, or a server that has gone, ends this request, and not the lease of everything else that
            # the client holds.
            _log.exception("request %s", message["op"])
            answer = {"bad": f"the supervisor failed: {type(error).__name__}: {hide_secrets(str(error))}"}
        finally:
            self._busy = False
        if message["op"] not in UNANSWERED:
            self._send(answer)

    def _answer(self, message: Message) -> Message:  # noqa: C901, PLR0911  # one for each request
        run, supervisor = self._run, self._supervisor
        if run is None:
            return {"bad": "the first message must be hello"}
        match message["op"]:
            case "warm":
                supervisor.warm(run, [ServiceRequest.from_json(w) for w in message["requests"]])
                return {"ok": None}
            case "resolve":
                with run.forwarding_progress_to(self._send_progress):
                    resolution = supervisor.resolve(run, ServiceRequest.from_json(message["request"]))
                return {"ok": resolution_to_json(resolution)}
            case "dead":
                return {"ok": [refused_to_json(r) for r in supervisor.dead(run, message["services"])]}
            case "end_dedicated":
                with run.forwarding_progress_to(self._send_progress):
                    supervisor.end_dedicated(run)
                return {"ok": None}
            case "leave":
                # Nobody needs to wait until our own servers are idle.
                if any(server.external for server in run.servers.values()):
                    self.leave()
                return {"ok": run.not_removed}
            case "checkout":
                isolated = supervisor.checkout(run, self._name, run.servers[message["service"]])
                return {"ok": {"name": isolated.name, "endpoint": endpoint_to_json(isolated.endpoint)}}
            case "leaked":
                leaked, alone = supervisor.leaked(self._name, message["name"])
                return {"ok": {"leaked": leaked, "alone": alone}}
            case "give_back":
                supervisor.give_back(self._name, message["name"], retain=message["retain"])
                return {"ok": None}
            case other:
                return {"bad": f"unknown request {other!r}"}


def main() -> int:
    """Run a supervisor in the folder that the command line names, unless one already does."""
    parser = argparse.ArgumentParser(description="Own the servers of one project; started by test_framework itself.")
    parser.add_argument("folder", type=Path)
    address = SupervisorAddress(parser.parse_args().folder)
    # A working directory in the project would keep its file system busy.
    os.chdir(address.folder)
    with address.lock.open("a+", encoding="ascii") as lock:
        if not _locked(lock.fileno(), address):
            return 0
        # A client that gets no answer reads here who holds the lock; the project's root follows it.
        lock.truncate(0)
        print(owner.MARK, file=lock, flush=True)
        _log_to(address.log)
        for other in addresses(address.folder.parent):
            other.tidy_if_dead()
        server = SupervisorProcess(address)
        signal.signal(signal.SIGTERM, server.end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.serve()
        # Threads that still start something would hold the interpreter. The guard sees to what they started, and hears
        # of our end by the end itself: while a thread of ours writes into a folder, nobody can remove it.
        logging.shutdown()
        sys.stdout.flush()
    os._exit(0)


def _locked(fileno: int, address: SupervisorAddress) -> bool:
    """Take the lock, waiting for a supervisor that ends; return False when another one serves."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
                probe.settimeout(_LOCK_SECONDS)
                probe.connect(str(address.socket))
                return False
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


class _SecretHidingFormatter(logging.Formatter):
    """Hides secrets, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return hide_secrets(super().format(record))


def _log_to(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_SecretHidingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # The SDK's own chatter names URLs; ours does not.
    for name in ("urllib3", "docker", "testcontainers"):
        logging.getLogger(name).setLevel(logging.WARNING)
