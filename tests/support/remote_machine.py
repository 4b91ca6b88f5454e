"""Another machine with a Docker engine: namespaces of its own (network, mounts, processes, host name) on this one.

A dockerd listens there with TLS, and an sshd lets in. Its loopback is not ours, nor are its ports and its processes:
what confuses the two machines does not work. Whatever ends this process ends the machine with all that runs there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.conftest import wait_until
from tests.support.engines_tls import TLS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

__all__ = ["NEEDED", "RemoteMachine"]

NEEDED = ("dockerd", "docker", "ip", "nsenter", "setpriv", "sshd", "ssh", "ssh-keygen", "unshare")
_START_SECONDS = 30.0
_LOAD_SECONDS = 120
_TLS_PORT = 2376
_SSH_PORT = 2222
_SECOND_PORT = 2378
_DROPPED_PORT = 2999

_ENGINE = "$(cat /run/docker.pid)"
_USERS = {"dev": 4001, "guest": 4002, "bare": 4003, "new": 4004}
"""Who is known there: dev may use Docker, guest may not open its socket, bare has no docker command, new no key."""

_BOOT = """\
set -e
mount --make-rprivate /
hostname far
mount -t tmpfs tmpfs /run
mkdir /run/sshd {folder}/data
mount -t tmpfs tmpfs {folder}/data
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/group /etc/group
mount --bind {folder}/shadow /etc/shadow
ip link set lo up
ip link add second type bridge
ip address add 192.0.2.1/24 dev second
touch {folder}/up
exec sleep infinity
"""

_SSHD = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
PerSourceMaxStartups none
LogLevel VERBOSE
Match User bare
    SetEnv PATH=/nonexistent
Match User new
    AuthorizedKeysFile none
"""

_SSH = """\
Host far-engine
    HostName {address}
    Port {port}
    User dev
Host *
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
"""


class RemoteMachine:
    """A machine with an engine, beside this one.

    Attributes:
        address: Its address, as this machine reaches it.
        tls: The authority, and the files of a client whom the engine lets in.
        stale_socket: A socket there on which nobody listens.
    """

    def __init__(self, number: int | None = None) -> None:
        number = os.getpid() if number is None else number
        self.folder = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))  # TMPDIR may be too long
        self.folder.chmod(0o755)
        # Networks that are set aside for tests of networks; those of `engine.py` are the other half.
        self._link = f"tfr{number}"
        self._here, self.address = f"198.19.{number % 250}.1", f"198.19.{number % 250}.2"
        self.tls = TLS(self.folder / "tls", self.address)
        self._log = (self.folder / "log").open("ab")
        self.stale_socket = self.folder / "stale.sock"
        with closing(socket.socket(socket.AF_UNIX)) as stale:
            stale.bind(str(self.stale_socket))
            self.stale_socket.chmod(0o777)
        self._boot: subprocess.Popen[bytes] | None = None
        self._started: list[subprocess.Popen[bytes]] = []
        self._inside = ""

    def __enter__(self) -> Self:
        """Start the machine with its engine and its sshd."""
        try:
            self._start_machine()
            self._start_engine({})
            self._start_sshd()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and all that runs there."""
        self.close()

    def env(self, way: str) -> dict[str, str]:
        """Return the variables that name the engine: `tls`, `ssh`, `ssh:USER` for another user, `alias`, `socket`."""
        way, _, user = way.partition(":")
        nothing = dict.fromkeys(("DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"), "")
        if way == "tls":
            return nothing | self.tls.env(_TLS_PORT, self.address)
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        host = "far-engine" if way == "alias" else f"{user or 'dev'}@{self.address}:{_SSH_PORT}"
        host += "/run/docker.sock" if way == "socket" else ""
        return nothing | {"DOCKER_HOST": f"ssh://{host}", "PATH": path}

    def load(self, images: Iterable[str]) -> None:
        """Copy images from this machine's engine, as `docker save` and `docker load` do."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "load", "--quiet"],
                env=os.environ | self.env("tls"),
                stdin=saved.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=_LOAD_SECONDS,
            )
        if saved.returncode:
            raise subprocess.CalledProcessError(saved.returncode, "docker save")

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command on the machine; its output goes to the machine's log."""
        assert self._inside, "the machine has not started"
        started = subprocess.Popen(
            ["nsenter", f"--target={self._inside}", "--net", "--mount", "--pid", "--ipc", "--uts", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._started.append(started)
        return started

    def call(self, *command: str) -> None:
        """Run a command on the machine to its end."""
        done = self.run(*command)
        if status := done.wait(_START_SECONDS):
            raise subprocess.CalledProcessError(status, command)

    @contextmanager
    def second_engine(self, name: str = "", until: dt.datetime | None = None, *, tls: bool = True) -> Iterator[str]:
        """Run another engine there, whose certificate is for that name, until that time; yield its address."""
        files = Path(tempfile.mkdtemp(dir=self.folder))
        self.tls.issue_server(name or self.address, files, until)
        places = (f"--data-root={files}/data", f"--exec-root={files}/exec", f"--pidfile={files}/pid")
        # Without a bridge it would remove that of the first.
        started = self._dockerd(_SECOND_PORT, files if tls else None, *places, "--bridge=second", "--iptables=false")
        try:
            yield f"tcp://{self.address}:{_SECOND_PORT}"
        finally:
            self.call("kill", (files / "pid").read_text())
            started.wait(_START_SECONDS)

    @contextmanager
    def dropped(self, ports: str = str(_DROPPED_PORT)) -> Iterator[int]:
        """Let its firewall drop what comes for these ports, of containers too; yield one of them."""
        # Published ports are changed on the way in, before any chain but these.
        rule = ("PREROUTING", "--protocol", "tcp", "--dport", ports, "--in-interface", "eth0", "--jump", "DROP")
        self.call("iptables", "--table", "raw", "--append", *rule)
        try:
            yield int(ports.partition(":")[0])
        finally:
            self.call("iptables", "--table", "raw", "--delete", *rule)

    @contextmanager
    def configured(self, **settings: str) -> Iterator[None]:
        """Run its engine with these settings of `daemon.json`."""
        self._restart_engine(settings)
        try:
            yield
        finally:
            self._restart_engine({})

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let its engine hang: connections are made, and nobody answers."""
        self.call("sh", "-c", f"kill -STOP {_ENGINE}")
        try:
            yield
        finally:
            self.call("sh", "-c", f"kill -CONT {_ENGINE}")

    def close(self) -> None:
        """End it with everything that it had."""
        if self._boot:
            self._boot.kill()
            self._boot.wait()
        for started in self._started:
            # nsenter stops together with what it has started.
            started.kill()
            started.wait(_START_SECONDS)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_machine(self) -> None:
        for name in ("passwd", "group", "shadow"):
            shutil.copy(f"/etc/{name}", self.folder / name)
        folder = self.folder
        with (folder / "passwd").open("a") as passwd, (folder / "shadow").open("a") as shadow:
            for user, number in _USERS.items():
                passwd.write(f"{user}:x:{number}:{number}::/:/bin/sh\n")
                shadow.write(f"{user}:*:19000:0:99999:7:::\n")
        group = re.sub(r"(?m)^docker:.*\n", "", (folder / "group").read_text())
        (folder / "group").write_text(f"{group}docker:x:4000:dev\n")
        # When this process ends, however it does, so does the machine's first one, and with it all others there.
        new = ("--net", "--mount", "--pid", "--ipc", "--uts", "--mount-proc", "--fork", "--kill-child")
        command = ["setpriv", "--pdeathsig=KILL", "unshare", *new, "sh", "-c", _BOOT.format(folder=folder)]
        self._boot = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        wait_until((folder / "up").exists, f"the machine is up; its log is {self._log.name}", _START_SECONDS)
        boot = self._boot.pid
        self._inside = Path(f"/proc/{boot}/task/{boot}/children").read_text().split()[0]
        _call("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._inside)
        _call("ip", "address", "add", f"{self._here}/24", "dev", self._link)
        _call("ip", "link", "set", self._link, "up")
        there = ("nsenter", f"--target={self._inside}", "--net", "--", "ip")
        _call(*there, "address", "add", f"{self.address}/24", "dev", "eth0")
        _call(*there, "link", "set", "eth0", "up")

    def _restart_engine(self, settings: dict[str, str]) -> None:
        self.call("sh", "-c", f"kill {_ENGINE}; while [ -e /run/docker.pid ]; do sleep 0.1; done")
        self._start_engine(settings)

    def _start_engine(self, settings: dict[str, str]) -> None:
        folder = self.folder
        self.tls.issue_server(self.address, folder / "tls")
        (folder / "daemon.json").write_text(json.dumps(settings))
        self._dockerd(_TLS_PORT, folder / "tls", f"--data-root={folder}/data", "--host=unix:///run/docker.sock")

    def _dockerd(self, port: int, files: Path | None, *options: str) -> subprocess.Popen[bytes]:
        """Start an engine with the certificate in these files, or without TLS, and wait until it speaks."""
        certificate = (f"--tlscert={files}/server-cert.pem", f"--tlskey={files}/server-key.pem")
        verify = ("--tlsverify", f"--tlscacert={self.tls.folder}/ca.pem", *certificate)
        address = (f"--config-file={self.folder}/daemon.json", f"--host=tcp://{self.address}:{port}")
        # The engine reads this variable too, which is for the client here.
        program = ("env", "--unset=DOCKER_TLS_VERIFY", "dockerd")
        started = self.run(*program, *address, *(verify if files else ("--tls=false",)), *options)
        wait_until(lambda: self._speaks(port), f"the engine speaks; its log is {self._log.name}", _START_SECONDS)
        return started

    def _start_sshd(self) -> None:
        folder = self.folder
        for name in ("host_key", "user_key"):
            _call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name))
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        key = " ".join((folder / "host_key.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"[{self.address}]:{_SSH_PORT} {key}\n")
        (folder / "sshd_config").write_text(_SSHD.format(port=_SSH_PORT, address=self.address, folder=folder))
        (folder / "ssh_config").write_text(_SSH.format(port=_SSH_PORT, address=self.address, folder=folder))
        # ssh reads the configuration in the home folder that the user database names, whatever HOME says.
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
        program.chmod(0o755)
        self.run(str(shutil.which("sshd")), "-D", "-e", "-f", str(folder / "sshd_config"))
        wait_until(lambda: self._speaks(_SSH_PORT), f"sshd speaks; its log is {self._log.name}", _START_SECONDS)

    def _speaks(self, port: int) -> bool:
        assert self._boot is not None
        assert self._boot.poll() is None, Path(self._log.name).read_text(errors="replace")
        with suppress(OSError), socket.create_connection((self.address, port), timeout=1) as sock:
            # It listens before it serves. Each of them says something to this, a port with TLS too.
            sock.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return bool(sock.recv(1))
        return False


def _call(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True, text=True)
