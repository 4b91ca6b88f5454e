"""The Docker probe against real sockets: every fault is made, and has to be told apart in time."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import docker
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.probe import Engine, ask, probe, try_each
from test_framework.verdict import Code, Reason, Refused

AT_MOST = 1.5
PROJECT = Path(__file__).parents[2]
VERSION = {"Version": "28.2.2", "ApiVersion": "1.50", "MinAPIVersion": "1.24", "Os": "linux", "Components": []}
Handler = Callable[[socket.socket], None]


def answer(
    body: object = b"OK", status: str = "200 OK", headers: Mapping[str, str] | None = None, *, close: bool = False
) -> bytes:
    """Return a whole HTTP answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(data)), **({"Connection": "close"} if close else {}), **(headers or {})}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + data


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % b"".join(
    b"1\r\n%c\r\n" % byte for byte in json.dumps(VERSION).encode()
)
PING = answer(headers={"Api-Version": "1.50", "Ostype": "linux", "Server": "Docker/28.2.2 (linux)"})


class Talk:
    """Answers each request with what belongs to its path, and remembers the paths."""

    def __init__(
        self, ping: bytes = PING, version: bytes | None = None, *, wait: float = 0, hang_up: bool = False
    ) -> None:
        self.answers = {"/_ping": ping, "/version": version or answer(VERSION)}
        self.wait = wait
        self.hang_up = hang_up
        self.heard: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection until the other side closes it."""
        buffer = b""
        while data := connection.recv(4096):
            buffer += data
            while b"\r\n\r\n" in buffer:
                request, _, buffer = buffer.partition(b"\r\n\r\n")
                path = request.split()[1].decode()
                self.heard.append(path)
                time.sleep(self.wait)
                # The SDK puts the version of the API before every path.
                connection.sendall(self.answers.get(f"/{path.rpartition('/')[2]}", answer({}, "404 Not Found")))
                if self.hang_up:
                    return


def silent(connection: socket.socket) -> None:
    """Accept and say nothing until the other side goes."""
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    """Answer correctly, at a byte each tenth of a second."""
    with suppress(OSError):
        for byte in PING:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)


class Net:
    """Makes listening sockets and closes them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self._count = 0

    def path(self) -> Path:
        """Return a fresh short path."""
        self._count += 1
        return self.folder / f"{self._count}.sock"

    def unix(self, handler: Handler, path: Path | None = None) -> Path:
        """Serve on a unix socket."""
        path = path or self.path()
        self._serve(socket.socket(socket.AF_UNIX), str(path), handler)
        return path

    def tcp(self, handler: Handler) -> int:
        """Serve on a port of the loopback network."""
        listener = socket.socket()
        self._serve(listener, ("127.0.0.1", 0), handler)
        return int(listener.getsockname()[1])

    def full(self, family: socket.AddressFamily, address: object) -> socket.socket:
        """Listen without accepting, with a queue that is full."""
        listener = self._stack.enter_context(socket.socket(family))
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(0)
        for _ in range(8):
            client = self._stack.enter_context(socket.socket(family))
            client.settimeout(0)
            with suppress(BlockingIOError):
                client.connect(listener.getsockname())
        return listener

    def accept(self, listener: socket.socket, handler: Handler) -> None:
        """Serve on a socket that listens, until it is closed."""

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                handler(connection)

        def stop() -> None:
            # Closing a socket does not wake a thread that waits in accept; shutting it down does.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

        self._stack.callback(stop)
        threading.Thread(target=accept, daemon=True).start()

    def _serve(self, listener: socket.socket, address: object, handler: Handler) -> None:
        self._stack.enter_context(listener)
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(16)
        self.accept(listener, handler)


@pytest.fixture
def net() -> Iterator[Net]:
    """Give sockets in a folder whose path is short enough for them."""
    with ExitStack() as stack:
        yield Net(stack, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="probe"))))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return an empty home folder."""
    return tmp_path


def at(path: Path) -> dict[str, str]:
    """Return the environment that names a socket."""
    return {"DOCKER_HOST": f"unix://{path}"}


def refused(env: Mapping[str, str], home: Path, *, within: float = AT_MOST) -> Reason:
    """Return why the probe refuses, which it has to do in time."""
    begun = time.monotonic()
    with pytest.raises(Refused) as caught:
        probe(env, home)
    assert time.monotonic() - begun <= within
    return caught.value.reason


def sockets(*paths: Path) -> list[Candidate]:
    """Return candidates in this order."""
    return [Candidate(f"socket {number}", f"unix://{path}", None) for number, path in enumerate(paths, 1)]


class TestHealthy:
    """An engine that answers."""

    def test_engine_says_what_it_is(self, net: Net, home: Path) -> None:
        """The engine carries its versions, its product and where it was found."""
        path = net.unix(Talk())

        engine = probe(at(path), home)

        assert engine == Engine(Candidate("DOCKER_HOST", f"unix://{path}", None), "28.2.2", "1.50", "linux", "Docker")

    def test_healthy_answer_is_fast(self, net: Net, home: Path) -> None:
        """Two questions to an engine that answers at once cost milliseconds."""
        env = at(net.unix(Talk()))

        seconds = []
        for _ in range(20):
            begun = time.perf_counter()
            probe(env, home)
            seconds.append(time.perf_counter() - begun)

        assert sorted(seconds)[10] < 0.02

    def test_podman_is_recognised(self, net: Net, home: Path) -> None:
        """Podman's Docker API is usable, and told apart."""
        version = {**VERSION, "Version": "4.9.3", "Components": [{"Name": "Podman Engine", "Version": "4.9.3"}]}

        assert probe(at(net.unix(Talk(version=answer(version)))), home).product == "Podman"

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
        assert probe(at(net.unix(Talk(version=version, hang_up=hang_up))), home).version == "28.2.2"

    def test_connection_is_kept_for_the_second_question(self, net: Net, home: Path) -> None:
        """Both questions travel on one connection, which matters through ssh."""
        connections = []
        talk = Talk()

        def count(connection: socket.socket) -> None:
            connections.append(connection)
            talk(connection)

        probe(at(net.unix(count)), home)

        assert len(connections) == 1
        assert talk.heard == ["/_ping", "/version"]

    def test_path_of_the_address_comes_before_each_resource(self, net: Net, home: Path) -> None:
        """`tcp://host:port/path` asks below that path, as in the CLI."""
        talk = Talk()

        probe({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(talk)}/proxy/"}, home)

        assert talk.heard == ["/proxy/_ping", "/proxy/version"]

    def test_newest_api_is_never_too_new(self, net: Net, home: Path) -> None:
        """An engine whose oldest API is above the SDK's default is usable, and the SDK agrees."""
        version = {**VERSION, "ApiVersion": "1.99", "MinAPIVersion": "1.98"}
        path = net.unix(Talk(version=answer(version)))

        engine = probe(at(path), home)

        assert engine.api_version == "1.99"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["MinAPIVersion"] == "1.98"

    def test_sdk_and_cli_settings_lead_to_the_engine(self, net: Net, home: Path) -> None:
        """The SDK reaches the engine through `environment()`; nothing else in it turns TLS on."""
        engine = probe(at(net.unix(Talk())), home)

        environment = engine.environment()

        assert {name for name, value in environment.items() if value} == {"DOCKER_HOST"}
        with closing(docker.from_env(environment=environment)) as client:
            assert client.version()["Version"] == engine.version

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    def test_real_engine_is_found(self, home: Path) -> None:
        """The probe finds the engine of this machine, and says of it what the SDK says."""
        fault = ""
        try:
            with closing(docker.from_env(timeout=5)) as client:
                expected = client.version()
        except docker.errors.DockerException as error:
            fault = str(error)
        if fault:
            gc.collect()  # the SDK leaves its socket open, which would be held against another test
            pytest.skip(f"no Docker engine answers the SDK here: {fault}")

        engine = probe(os.environ, home)

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
        engine = probe(at(net.unix(Talk())), home)

        assert ask(engine, "/version", 1.0) == (200, VERSION)
        assert ask(engine, "/images/none/json", 1.0) == (404, {})

    def test_question_without_an_answer_is_refused_in_time(self, net: Net) -> None:
        """`ask` ends at its own deadline."""
        engine = Engine(sockets(net.unix(silent))[0], "28", "1.50", "linux", "Docker")
        begun = time.monotonic()

        with pytest.raises(Refused) as caught:
            ask(engine, "/images/none/json", 0.3)

        assert time.monotonic() - begun < 0.8
        assert caught.value.reason.code is Code.DAEMON_HUNG
        assert "0.3 s" in caught.value.reason.message


class TestSocketPath:
    """What the path of a socket can be instead of a healthy engine."""

    def test_missing_socket(self, net: Net, home: Path) -> None:
        """A path with nothing there is named, with where it came from."""
        path = net.path()

        reason = refused(at(path), home, within=0.2)

        assert reason.code is Code.SOCKET_MISSING
        assert f"unix://{path}, from DOCKER_HOST" in reason.message

    def test_link_to_a_socket_that_is_gone(self, net: Net, home: Path) -> None:
        """A dangling link is told with its target, as Docker Desktop leaves one."""
        path, target = net.path(), net.path()
        path.symlink_to(target)

        reason = refused(at(path), home)

        assert reason.code is Code.SOCKET_MISSING
        assert str(target) in reason.message

    @pytest.mark.parametrize(("make", "kind"), [(Path.mkdir, "a folder"), (Path.touch, "a file")])
    def test_path_is_no_socket(self, make: Callable[[Path], None], kind: str, net: Net, home: Path) -> None:
        """A folder, which Docker itself makes for a mount, or a file, is not a socket."""
        path = net.path()
        make(path)

        reason = refused(at(path), home)

        assert reason.code is Code.SOCKET_MISSING
        assert kind in reason.message

    def test_parent_is_no_folder(self, net: Net, home: Path) -> None:
        """A path below a file has no socket."""
        path = net.path()
        path.touch()

        assert refused(at(path / "docker.sock"), home).code is Code.SOCKET_MISSING

    def test_link_in_a_circle(self, net: Net, home: Path) -> None:
        """A link to itself has no socket."""
        path = net.path()
        path.symlink_to(path)

        assert refused(at(path), home).code is Code.SOCKET_MISSING

    def test_name_that_no_file_system_takes(self, home: Path) -> None:
        """A name of 300 characters has no socket."""
        assert refused(at(Path("/", "x" * 300)), home).code is Code.SOCKET_MISSING

    def test_stale_socket(self, net: Net, home: Path) -> None:
        """A socket that nobody listens on any more means that the daemon is not running."""
        path = net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))

        reason = refused(at(path), home, within=0.2)

        assert reason.code is Code.DAEMON_NOT_RUNNING
        assert str(path) in reason.message
        assert "stale" in reason.message

    def test_path_too_long_for_a_socket(self, net: Net, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A socket that exists under a path longer than a socket's may be is told by its length."""
        folder = net.folder / ("x" * 120)
        folder.mkdir()
        monkeypatch.chdir(folder)
        net.unix(Talk(), Path("d.sock"))

        reason = refused(at(folder / "d.sock"), home)

        assert reason.code is Code.BAD_DOCKER_HOST
        assert f"{len(str(folder)) + 7} bytes" in reason.message

    def test_socket_of_another_kind(self, net: Net, home: Path) -> None:
        """A datagram socket, such as a log's, is not Docker."""
        path = net.path()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(str(path))

            assert refused(at(path), home).code is Code.NOT_DOCKER


UNPRIVILEGED = """
import grp, json, os, pwd, sys  # all here: the interpreter may lie where nobody else may read
from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.probe import try_each
from test_framework.verdict import Refused
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(pwd.getpwuid(os.geteuid()).pw_name)
try:
    print(try_each([Candidate("a test", host, None) for host in sys.argv[1:]], {}).candidate.host)
except Refused as refused:
    print(json.dumps(refused.reason.to_json()))
"""


def as_ordinary_user(*paths: Path) -> tuple[str, str]:
    """Run the probe as a user who is not root; return his name, and the address found or the reason in JSON."""
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, *(f"unix://{path}" for path in paths)],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    user, outcome = done.stdout.splitlines()
    return user, outcome


class TestPermission:
    """Sockets that the user may not open."""

    def test_socket_of_somebody_else(self, net: Net) -> None:
        """A socket without permission names the user, the socket and its group, in the remedy too."""
        net.folder.chmod(0o755)
        path = net.unix(Talk())
        path.chmod(0)

        user, outcome = as_ordinary_user(path)

        reason = Reason.from_json(json.loads(outcome))
        assert reason.code is Code.PERMISSION_DENIED
        assert f"user {user} may not open unix://{path}" in reason.message
        assert f"the group {path.group()}, mode 0" in reason.message
        assert f"usermod -aG docker {user}" in reason.remedy

    def test_folder_of_somebody_else(self, net: Net) -> None:
        """A socket in a folder that may not be entered is denied, not missing."""
        folder = net.folder / "closed"
        folder.mkdir()
        path = net.unix(Talk(), folder / "d.sock")
        net.folder.chmod(0o755)
        folder.chmod(0)
        try:
            _, outcome = as_ordinary_user(path)
        finally:
            folder.chmod(0o700)

        assert Reason.from_json(json.loads(outcome)).code is Code.PERMISSION_DENIED

    def test_other_engine_is_used_where_the_preferred_is_denied(self, net: Net) -> None:
        """A rootless engine is found although the system's one is there and may not be opened."""
        net.folder.chmod(0o755)
        denied, rootless = net.unix(Talk()), net.unix(Talk())
        denied.chmod(0)
        rootless.chmod(0o777)

        _, outcome = as_ordinary_user(denied, rootless)

        assert outcome == f"unix://{rootless}"


class TestHung:
    """Something listens, and no answer comes in time."""

    def test_daemon_that_never_answers(self, net: Net, home: Path) -> None:
        """A daemon that accepts and is silent is hung, and the message says for how long it was asked."""
        path = net.unix(silent)

        reason = refused(at(path), home)

        assert reason.code is Code.DAEMON_HUNG
        assert str(path) in reason.message
        assert "1 s" in reason.message

    def test_connection_does_not_outlive_the_probe(self, net: Net, home: Path) -> None:
        """The connection to a daemon that hangs is closed when the time is over."""
        closed = threading.Event()

        def wait_for_the_end(connection: socket.socket) -> None:
            silent(connection)
            closed.set()

        refused(at(net.unix(wait_for_the_end)), home)

        assert closed.wait(0.5)

    def test_daemon_that_never_accepts(self, net: Net, home: Path) -> None:
        """A full queue of connections is a hung daemon."""
        path = net.path()
        net.full(socket.AF_UNIX, str(path))

        reason = refused(at(path), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "accepts no connection" in reason.message

    def test_queue_that_empties_in_time(self, net: Net, home: Path) -> None:
        """A daemon whose queue is full for a moment is healthy."""
        path = net.path()
        listener = net.full(socket.AF_UNIX, str(path))

        def accept_late() -> None:
            time.sleep(0.3)
            net.accept(listener, Talk())

        threading.Thread(target=accept_late, daemon=True).start()

        assert probe(at(path), home).version == "28.2.2"

    def test_daemon_that_answers_byte_by_byte(self, net: Net, home: Path) -> None:
        """Each byte in time does not make the whole in time."""
        assert refused(at(net.unix(drip)), home).code is Code.DAEMON_HUNG

    def test_daemon_that_answers_the_ping_only(self, net: Net, home: Path) -> None:
        """A daemon that hangs at the second question is hung, within the same second."""

        def ping_only(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING)
            silent(connection)

        reason = refused(at(net.unix(ping_only)), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "/version" in reason.message

    def test_body_that_never_comes(self, net: Net, home: Path) -> None:
        """An answer that promises more than it brings is hung."""

        def half(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:-1])
            silent(connection)

        assert refused(at(net.unix(half)), home).code is Code.DAEMON_HUNG

    def test_tcp_daemon_that_never_answers(self, net: Net, home: Path) -> None:
        """A port that accepts and is silent is hung, not unreachable."""
        port = net.tcp(silent)

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home)

        assert reason.code is Code.DAEMON_HUNG
        assert str(port) in reason.message

    def test_budget_is_the_callers(self, net: Net, home: Path) -> None:
        """A shorter budget ends sooner, and the message names it."""
        begun = time.monotonic()
        with pytest.raises(Refused) as caught:
            probe(at(net.unix(silent)), home, seconds=0.2)

        assert time.monotonic() - begun < 0.5
        assert "0.2 s" in caught.value.reason.message


class TestRemote:
    """Engines on the network that cannot be reached."""

    def test_port_refuses(self, home: Path) -> None:
        """A port that nobody listens on is unreachable, and named."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home, within=0.5)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert f"tcp://127.0.0.1:{port}" in reason.message
        assert "refused" in reason.message

    def test_connection_is_never_made(self, net: Net, home: Path) -> None:
        """A machine that drops connections is unreachable after the budget."""
        port = net.full(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "not made within 1 s" in reason.message

    def test_name_that_cannot_exist(self, home: Path) -> None:
        """A name that is no name is unreachable, and is never a traceback."""
        reason = refused({"DOCKER_HOST": "tcp://no..name:1"}, home, within=0.5)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "no..name cannot be resolved" in reason.message

    def test_resolver_that_hangs(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time of the system's resolver counts too, although nothing can interrupt it."""
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: time.sleep(3))

        reason = refused({"DOCKER_HOST": "tcp://far.example:1"}, home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "far.example is not resolved within 1 s" in reason.message

    def test_second_address_of_a_name_is_tried(self, net: Net, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A dead first address does not use up the time of the second."""
        dead = net.full(socket.AF_INET, ("127.0.0.1", 0)).getsockname()
        alive = ("127.0.0.1", net.tcp(Talk()))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (dead, alive)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)

        assert probe({"DOCKER_HOST": "tcp://two.example:1"}, home).version == "28.2.2"

    def test_named_pipe_is_refused(self, home: Path) -> None:
        """A Windows pipe is refused by name."""
        reason = refused({"DOCKER_HOST": "npipe://"}, home)

        assert reason.code is Code.BAD_DOCKER_HOST
        assert "docker_engine" in reason.message


NOT_DOCKER = {
    "page": (answer(b"<html><title>Welcome</title></html>", headers={"Content-Type": "text/html"}), "Welcome"),
    "no page": (answer(b"<html>Not Found</html>", "404 Not Found"), "404"),
    "moved": (answer(b"", "301 Moved", {"Location": "https://x/"}), "301"),
    "empty": (b"HTTP/1.1 204 No Content\r\n\r\n", "204"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    "garbage": (b"\x00\x01\x02garbage without an end", "garbage"),
    "status": (b"HTTP/1.1 hello\r\n\r\n", "hel"),
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "-3"),
    "long": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "1 MiB"),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20), "1 MiB"),
    "line": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "8192"),
    "headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "100 headers"),
}


class TestNotUsable:
    """Something answers, and it is not an engine that can be used."""

    @pytest.mark.parametrize(("ping", "why"), NOT_DOCKER.values(), ids=NOT_DOCKER)
    def test_not_docker(self, ping: bytes, why: str, net: Net, home: Path) -> None:
        """Whatever is not Docker is told at once, with a part of what it sent."""

        def send_and_stay(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(ping)
            silent(connection)

        path = net.unix(send_and_stay)

        reason = refused(at(path), home, within=0.5)

        assert reason.code is Code.NOT_DOCKER
        assert str(path) in reason.message
        assert why in reason.message

    @pytest.mark.parametrize(
        "version",
        [
            answer(b"OK"),
            answer({"Version": "1"}),
            answer({**VERSION, "ApiVersion": "new"}),
            answer([]),
            answer(b"[" * 100_000),
            answer(b"<html></html>", "404 Not Found"),
        ],
    )
    def test_health_check_of_another_service(self, version: bytes, net: Net, home: Path) -> None:
        """A service that says OK to everything is not Docker."""
        path = net.unix(Talk(ping=answer(), version=version))

        reason = refused(at(path), home)

        assert reason.code is Code.NOT_DOCKER
        assert "/version" in reason.message

    @pytest.mark.parametrize(
        ("ping", "why"),
        [
            (answer({"message": "disk I/O error"}, "500 Internal Server Error"), "500 disk I/O error"),
            (answer(b"Docker Desktop is paused", "503 Service Unavailable"), "503 Docker Desktop is paused"),
            (answer({"message": "authorization denied by plugin"}, "403 Forbidden"), "denied by plugin"),
            (answer(b"", "500 Internal Server Error"), "500"),
        ],
    )
    def test_daemon_error_is_quoted(self, ping: bytes, why: str, net: Net, home: Path) -> None:
        """An engine in trouble is quoted."""
        reason = refused(at(net.unix(Talk(ping=ping))), home, within=0.5)

        assert reason.code is Code.DAEMON_ERROR
        assert why in reason.message

    def test_daemon_error_after_the_ping(self, net: Net, home: Path) -> None:
        """An engine that fails at the second question is in trouble, whatever its answer looks like."""
        reason = refused(at(net.unix(Talk(version=answer(b"forbidden", "403 Forbidden")))), home)

        assert reason.code is Code.DAEMON_ERROR
        assert "/version answers 403 forbidden" in reason.message

    def test_long_message_is_shortened(self, net: Net, home: Path) -> None:
        """A message of many lines becomes one short line."""
        ping = answer({"message": "line\n\x1b[31m" * 1000}, "500 Internal Server Error")

        message = refused(at(net.unix(Talk(ping=ping))), home).message

        assert len(message) < 400
        assert message.isprintable()
        assert message.endswith("…")

    def test_connection_closed_without_an_answer(self, net: Net, home: Path) -> None:
        """A socket that hangs up, as that of a stopped virtual machine, is an engine in trouble."""
        reason = refused(at(net.unix(lambda _: None)), home, within=0.5)

        assert reason.code is Code.DAEMON_ERROR
        assert "closes the connection without an answer" in reason.message
        assert "TLS" not in reason.message

    def test_answer_that_breaks_off(self, net: Net, home: Path) -> None:
        """Half an answer is an engine in trouble."""

        def half(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:30])

        reason = refused(at(net.unix(half)), home, within=0.5)

        assert reason.code is Code.DAEMON_ERROR
        assert "breaks off" in reason.message

    @pytest.mark.parametrize(
        "talk",
        [
            Talk(ping=answer(headers={"Api-Version": "1.50", "Ostype": "windows"})),
            Talk(ping=answer(), version=answer({**VERSION, "Os": "windows"})),
        ],
        ids=["ping", "version"],
    )
    def test_windows_containers(self, talk: Talk, net: Net, home: Path) -> None:
        """An engine with Windows containers cannot run the servers."""
        assert refused(at(net.unix(talk)), home).code is Code.WINDOWS_CONTAINERS

    def test_api_too_old(self, net: Net, home: Path) -> None:
        """An engine older than the SDK can speak to is told with both versions."""
        path = net.unix(Talk(version=answer({**VERSION, "ApiVersion": "1.9"})))

        reason = refused(at(path), home)

        assert reason.code is Code.API_MISMATCH
        assert "API 1.9, and at least 1.24" in reason.message


class TLS:
    """Certificates of one authority, in the files that Docker expects."""

    def __init__(self, folder: Path, name: str = "127.0.0.1") -> None:
        self.folder = folder
        folder.mkdir()
        self._authority = trustme.CA()
        self._server = self._authority.issue_cert(name)
        self._authority.cert_pem.write_to_path(folder / "ca.pem")
        self.issue_client(self)

    def issue_client(self, to: TLS) -> None:
        """Write a client certificate of this authority into the folder of `to`."""
        client = self._authority.issue_cert("client@example.org")
        client.cert_chain_pems[0].write_to_path(to.folder / "cert.pem")
        client.private_key_pem.write_to_path(to.folder / "key.pem")

    def server(self, handler: Handler) -> Handler:
        """Wrap a handler in TLS that demands a client certificate, as dockerd does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        self._authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

        def handle(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                handler(wrapped)

        return handle

    def env(self, port: int, name: str = "127.0.0.1") -> dict[str, str]:
        """Return the environment that names a port and these files."""
        host = f"tcp://{name}:{port}"
        return {"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.folder)}


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TLS:
    """Return certificates for 127.0.0.1, which the SDK is kept from replacing by those of the environment."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return TLS(tmp_path / "tls")


class TestTLS:
    """Engines behind TLS."""

    def test_engine_behind_tls_is_found(self, tls: TLS, net: Net, home: Path) -> None:
        """The probe, and the SDK through `environment()`, reach an engine that demands a client certificate."""
        engine = probe(tls.env(net.tcp(tls.server(Talk()))), home)

        assert engine.environment()["DOCKER_TLS_VERIFY"] == "1"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["Version"] == engine.version

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_unverified_engine_is_found(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """DOCKER_TLS accepts the certificate of another authority, for the probe and for the SDK."""
        stranger = TLS(tmp_path / "stranger")
        stranger.issue_client(tls)
        env = tls.env(net.tcp(stranger.server(Talk()))) | {"DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "1"}

        engine = probe(env, home)

        assert engine.environment()["DOCKER_TLS_VERIFY"] == ""
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.api.base_url.startswith("https://")
            assert client.api.verify is False

    def test_certificate_of_another_authority(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """An engine that our ca.pem does not vouch for is refused."""
        port = net.tcp(TLS(tmp_path / "stranger").server(Talk()))

        reason = refused(tls.env(port), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert f"tcp://127.0.0.1:{port}" in reason.message
        assert "certificate is not accepted" in reason.message

    def test_certificate_for_another_name(self, net: Net, home: Path, tmp_path: Path) -> None:
        """A certificate for another machine is refused."""
        other = TLS(tmp_path / "other", "docker.example")

        reason = refused(other.env(net.tcp(other.server(Talk()))), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "mismatch" in reason.message

    def test_client_certificate_is_not_accepted(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """An engine that refuses our client certificate is a matter of TLS, although the handshake seems done."""
        TLS(tmp_path / "stranger").issue_client(tls)

        assert refused(tls.env(net.tcp(tls.server(Talk()))), home).code is Code.TLS_MISCONFIGURED

    def test_connection_closed_after_the_handshake(self, tls: TLS, net: Net, home: Path) -> None:
        """An engine that hangs up on our first question may have refused our certificate without saying so."""
        reason = refused(tls.env(net.tcp(tls.server(lambda _: None))), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "may not accept the client certificate" in reason.message

    def test_plain_http_to_a_go_server_with_tls(self, net: Net, home: Path) -> None:
        """The answer of dockerd's TLS port to plain HTTP is understood."""
        ping = answer(b"Client sent an HTTP request to an HTTPS server.\n", "400 Bad Request", close=True)

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(Talk(ping=ping))}"}, home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "speaks TLS" in reason.message

    def test_plain_http_to_another_server_with_tls(self, net: Net, home: Path) -> None:
        """A TLS alert in answer to plain HTTP is understood."""

        def alert(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(alert)}"}, home)

        assert reason.code is Code.TLS_MISCONFIGURED

    def test_plain_http_to_a_server_that_hangs_up(self, tls: TLS, net: Net, home: Path) -> None:
        """A TLS port that hangs up on plain HTTP may be in trouble too, so the message says what else it may be."""
        reason = refused({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(tls.server(silent))}"}, home)

        assert reason.code in {Code.DAEMON_ERROR, Code.TLS_MISCONFIGURED}
        assert "no TLS is configured" in reason.message

    def test_tls_to_a_plain_port(self, tls: TLS, net: Net, home: Path) -> None:
        """A port without TLS is told when TLS is configured."""

        def bad_request(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(answer(b"", "400 Bad Request", close=True))

        reason = refused(tls.env(net.tcp(bad_request)), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "does not speak TLS" in reason.message

    def test_handshake_that_never_ends(self, tls: TLS, net: Net, home: Path) -> None:
        """A port that is silent in the handshake is hung, and the message says where."""
        reason = refused(tls.env(net.tcp(silent)), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "handshake" in reason.message

    def test_missing_file(self, tls: TLS, home: Path) -> None:
        """A certificate file that is not there is named."""
        (tls.folder / "key.pem").unlink()

        reason = refused(tls.env(1), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "key.pem" in reason.message

    @pytest.mark.parametrize("file", ["ca.pem", "cert.pem", "key.pem"])
    def test_damaged_file(self, file: str, tls: TLS, net: Net, home: Path) -> None:
        """A file that is no certificate is named."""
        (tls.folder / file).write_text("nothing")

        reason = refused(tls.env(net.tcp(silent)), home, within=0.5)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert str(tls.folder / file) in reason.message

    def test_encrypted_key_asks_nobody(self, tls: TLS, net: Net, home: Path) -> None:
        """A key with a password is refused at once; no password is asked for on the terminal."""
        key = tls.folder / "key.pem"
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key.write_bytes(private.private_bytes(pem, form, serialization.BestAvailableEncryption(b"secret")))
        ours, theirs = os.openpty()

        done = subprocess.run(
            [sys.executable, "-c", ON_A_TERMINAL, os.ttyname(theirs), json.dumps(tls.env(net.tcp(silent)))],
            env={"PYTHONPATH": str(PROJECT), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            start_new_session=True,
        )

        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 100)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        reason = Reason.from_json(json.loads(done.stdout))
        assert reason.code is Code.TLS_MISCONFIGURED
        assert str(key) in reason.message


ON_A_TERMINAL = """
import json, os, sys
from test_framework.providers.docker.probe import probe
from test_framework.verdict import Refused
os.open(sys.argv[1], os.O_RDWR)  # the first terminal that the leader of a session opens becomes its own
try:
    probe(json.loads(sys.argv[2]))
except Refused as refused:
    print(json.dumps(refused.reason.to_json()))
"""


@pytest.fixture
def ssh(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that installs a program as `ssh` and gives the environment that finds it."""

    def install(script: str) -> dict[str, str]:
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(script)
        program.chmod(0o755)
        return {"DOCKER_HOST": "ssh://dev@far.example:2222", "PATH": f"{program.parent}:{os.environ['PATH']}"}

    return install


DIAL = "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect"
SSH_TO_SOCKET = f"""#!{sys.executable}
# As dial-stdio does: standard input and output to and from the daemon's socket.
import json, os, socket, sys, threading
open({{arguments!r}}, "w").write(json.dumps([os.getpid(), *sys.argv[1:]]))
daemon = socket.socket(socket.AF_UNIX)
daemon.connect({{path!r}})
def up():
    while data := os.read(0, 4096):
        daemon.sendall(data)
    daemon.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := daemon.recv(4096):
    os.write(1, data)
"""


class TestSSH:
    """Engines behind ssh."""

    def test_program_is_missing(self, home: Path) -> None:
        """Without an ssh program on the PATH of the environment there is no way there."""
        env = {"DOCKER_HOST": "ssh://far.example", "PATH": str(home)}

        reason = refused(env, home, within=0.5)

        assert reason.code is Code.SSH_TRANSPORT_MISSING
        assert "ssh://far.example" in reason.message

    def test_program_cannot_run(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh program that the system refuses to run is as good as none."""
        assert refused(ssh("#!/no/such/interpreter\n"), home).code is Code.SSH_TRANSPORT_MISSING

    def test_engine_is_reached(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """Both questions go through one ssh, which is told never to ask a person, and does not outlive the probe."""
        talk, arguments = Talk(), home / "arguments"
        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(talk)), arguments=str(arguments)))

        engine = probe(env, home)

        assert engine.version == "28.2.2"
        assert engine.environment()["DOCKER_HOST"] == env["DOCKER_HOST"]
        assert talk.heard == ["/_ping", "/version"]
        options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=1"]
        there = ["-l", "dev", "-p", "2222", "--", "far.example", "docker system dial-stdio"]
        process, *told = json.loads(arguments.read_text())
        assert told == [*options, *there]
        assert not alive(process)

    def test_socket_on_the_other_side(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """A path in the address names the socket there, quoted for the shell there."""
        arguments = home / "arguments"
        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(Talk())), arguments=str(arguments)))

        probe(env | {"DOCKER_HOST": "ssh://far.example/run/a b.sock"}, home)

        command = json.loads(arguments.read_text())[-1]
        assert command == "docker --host 'unix:///run/a b.sock' system dial-stdio"

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ("dev@far.example: Permission denied (publickey).", Code.REMOTE_UNREACHABLE),
            ("ssh: Could not resolve hostname far.example", Code.REMOTE_UNREACHABLE),
            ("Host key verification failed.", Code.REMOTE_UNREACHABLE),
            ("sh: 1: docker: not found", Code.REMOTE_UNREACHABLE),
            ("bash: docker: no such file or directory", Code.REMOTE_UNREACHABLE),
            (f"{DIAL}: connection refused", Code.DAEMON_NOT_RUNNING),
            (f"{DIAL}: permission denied", Code.PERMISSION_DENIED),
            (f"{DIAL}: no such file or directory", Code.SOCKET_MISSING),
        ],
    )
    def test_last_words_are_told(self, said: str, code: Code, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """What ssh, or docker behind it, says before it ends decides the code and is quoted."""
        reason = refused(ssh(f"#!/bin/sh\necho a banner >&2\necho '{said}' >&2\nexit 255\n"), home)

        assert reason.code is code
        assert said in reason.message
        assert "ssh://dev@far.example:2222" in reason.message

    def test_end_without_a_word(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh that ends in silence is told by its status."""
        reason = refused(ssh("#!/bin/sh\nexit 7\n"), home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "status 7" in reason.message

    def test_ssh_that_hangs_is_ended(self, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """An ssh that does not get through is ended, with the programs that it started."""
        pids = home / "pids"

        reason = refused(ssh(f"#!/bin/sh\nsleep 60 &\necho $$ $! > {pids}\nwait\n"), home)

        assert reason.code is Code.REMOTE_UNREACHABLE
        assert "within 1 s" in reason.message
        deadline = time.monotonic() + 2
        while any(alive(int(pid)) for pid in pids.read_text().split()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(alive(int(pid)) for pid in pids.read_text().split())

    def test_engine_that_hangs_behind_ssh(self, net: Net, home: Path, ssh: Callable[[str], dict[str, str]]) -> None:
        """Once something came through ssh, silence is the engine's."""

        def begin(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(PING[:20])
            silent(connection)

        env = ssh(SSH_TO_SOCKET.format(path=str(net.unix(begin)), arguments=str(home / "arguments")))

        assert refused(env, home).code is Code.DAEMON_HUNG


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody waited for yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


class TestSeveral:
    """Several sockets, one deadline."""

    def test_first_healthy_one_wins(self, net: Net) -> None:
        """The preferred engine is used, and the next one is not even contacted."""
        later = Talk()

        engine = try_each(sockets(net.unix(Talk()), net.unix(later)), {})

        assert engine.candidate.source == "socket 1"
        assert later.heard == []

    def test_fault_lets_the_next_one_start_at_once(self, net: Net) -> None:
        """Missing, stale and foreign sockets cost nothing to the healthy one after them."""
        stale = net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))
        foreign = net.unix(Talk(ping=answer(b"", "404 Not Found")))
        begun = time.monotonic()

        engine = try_each(sockets(net.path(), stale, foreign, net.unix(Talk())), {})

        assert engine.candidate.source == "socket 4"
        assert time.monotonic() - begun < 0.3

    def test_hung_ones_leave_time_for_a_healthy_one(self, net: Net) -> None:
        """A healthy engine after several hung ones is found within the second."""
        hung = [net.unix(silent), net.unix(drip), net.path()]
        net.full(socket.AF_UNIX, str(hung[2]))
        begun = time.monotonic()

        engine = try_each(sockets(*hung, net.unix(Talk())), {})

        assert engine.candidate.source == "socket 4"
        assert time.monotonic() - begun < 0.9

    def test_slow_one_is_preferred_to_a_fast_one_after_it(self, net: Net) -> None:
        """On a busy machine the order still decides: the first may take its time."""
        engine = try_each(sockets(net.unix(Talk(wait=0.1)), net.unix(Talk())), {})

        assert engine.candidate.source == "socket 1"

    def test_all_hung_take_one_budget(self, net: Net) -> None:
        """Several hung sockets together take no longer than one."""
        begun = time.monotonic()

        with pytest.raises(Refused) as caught:
            try_each(sockets(net.unix(silent), net.unix(silent), net.unix(silent)), {})

        assert time.monotonic() - begun < AT_MOST
        assert caught.value.reason.code is Code.DAEMON_HUNG

    def test_most_telling_reason_is_given(self, net: Net) -> None:
        """A fault of a socket that exists is told before a missing one, and all others are named with their codes."""
        missing, stale, gone = net.path(), net.path(), net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))
        error = net.unix(Talk(ping=answer({"message": "no space"}, "500 Internal Server Error")))

        with pytest.raises(Refused) as caught:
            try_each(sockets(missing, stale, error, gone), {})

        reason = caught.value.reason
        assert reason.code is Code.DAEMON_ERROR
        assert f"unix://{error}, from socket 3" in reason.message
        others = f"also tried: socket-missing: {missing}, {gone}; daemon-not-running: {stale}"
        assert others in reason.message

    def test_first_missing_socket_is_told_when_all_are(self, net: Net) -> None:
        """With no socket at all the default one is named first."""
        first, second = net.path(), net.path()

        with pytest.raises(Refused) as caught:
            try_each(sockets(first, second), {})

        assert caught.value.reason.code is Code.SOCKET_MISSING
        assert f"at unix://{first}" in caught.value.reason.message
        assert f"socket-missing: {second}" in caught.value.reason.message


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker CLI is on the PATH to compare with")
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
        assert refused({"DOCKER_HOST": host}, home).code is Code.BAD_DOCKER_HOST

    def test_context_that_the_cli_made(self, net: Net, home: Path) -> None:
        """A context that `docker context create` wrote and `docker context use` chose is the one that is used."""
        path = net.unix(Talk())
        self.cli({}, home, "context", "create", "mine", "--docker", f"host=unix://{path}")
        self.cli({}, home, "context", "use", "mine")

        assert probe({}, home).candidate == Candidate("context 'mine'", f"unix://{path}", None)

    def test_context_with_certificates_that_the_cli_made(self, tls: TLS, net: Net, home: Path) -> None:
        """The certificates that the CLI stored with a context are found, and lead the SDK to the engine."""
        folder, port = tls.folder, net.tcp(tls.server(Talk()))
        files = f"ca={folder}/ca.pem,cert={folder}/cert.pem,key={folder}/key.pem"
        self.cli({}, home, "context", "create", "far", "--docker", f"host=tcp://127.0.0.1:{port},{files}")

        engine = probe({"DOCKER_CONTEXT": "far"}, home)

        assert engine.candidate.source == "context 'far'"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["Version"] == "28.2.2"

    def test_dial_stdio(self, net: Net, ssh: Callable[[str], dict[str, str]], home: Path) -> None:
        """The command for the other side works there, and what its CLI says of a socket is understood."""
        env = ssh('#!/bin/sh\nfor command; do :; done\nexec sh -c "$command"\n') | {"HOME": str(home)}
        healthy, stale, missing = net.unix(Talk()), net.path(), net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))

        engine = probe(env | {"DOCKER_HOST": f"ssh://far.example{healthy}"}, home)

        assert engine.version == "28.2.2"
        for path, code in ((stale, Code.DAEMON_NOT_RUNNING), (missing, Code.SOCKET_MISSING)):
            reason = refused(env | {"DOCKER_HOST": f"ssh://far.example{path}"}, home)
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
