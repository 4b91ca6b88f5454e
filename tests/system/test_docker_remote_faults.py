"""Each way in which a remote engine can be set up wrong has the reason that docs/how-to/remote-docker.md tells."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import trustme

from test_framework.resolution import Reason
from tests.support.checkout import Checkout
from tests.support.custom_services import STORE, project
from tests.support.engines import PROJECT, Net, refused, silent
from tests.support.engines_tls import TLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.place import Place
    from tests.support.remote_machine import RemoteMachine

_PAGE = PROJECT / "docs/how-to/remote-docker.md"
_ROW = re.compile(r"^\| (?P<fault>[^|]+) \| `(?P<code>[a-z-]+)` \| (?P<said>[^|]+) \| (?P<remedy>[^|]+) \|$", re.M)
_ROWS = {row["fault"].strip(): row for row in _ROW.finditer(_PAGE.read_text(encoding="utf-8"))}
_YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
_NOBODY = 65534


class Broken:
    """What a fault is made with: a machine with an engine, files of its own, and what is undone afterwards."""

    def __init__(self, machine: RemoteMachine, net: Net, home: Path, stack: ExitStack) -> None:
        self.machine = machine
        self.net = net
        self.home = home
        self.undone = stack

    def tls(self, **env: str) -> dict[str, str]:
        """Return the environment that is right for TLS but for what is given."""
        return self.machine.env("tls") | env

    def other_files(self) -> Path:
        """Return a copy of the client's files."""
        copy = self.home / "other"
        shutil.copytree(self.machine.tls.folder, copy)
        return copy

    def ssh(self, host: str = "", **options: str) -> dict[str, str]:
        """Return the environment that is right for ssh, but for another address and other options of ssh."""
        env = self.machine.env("ssh")
        program = self.home / "bin" / "ssh"
        program.parent.mkdir()
        given = " ".join(f"-o {name}={value}" for name, value in options.items())
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh", path=env["PATH"])} {given} "$@"\n')
        program.chmod(0o755)
        return env | {"PATH": f"{program.parent}:{env['PATH']}", "DOCKER_HOST": host or env["DOCKER_HOST"]}

    def port(self, number: int) -> str:
        """Return another port of the machine, as the part of an address."""
        return f"{self.machine.address}:{number}"

    def context(self, name: str, *options: str) -> dict[str, str]:
        """Make a context with the docker CLI, and return the environment that chooses it."""
        env = {"DOCKER_CONFIG": str(self.home / "config"), "PATH": os.environ["PATH"]}
        subprocess.run(["docker", "context", "create", name, *options], env=env, capture_output=True, check=True)
        return env | {"DOCKER_CONTEXT": name}


def _other_authority(broken: Broken) -> dict[str, str]:
    files = broken.other_files()
    trustme.CA().cert_pem.write_to_path(files / "ca.pem")
    return broken.tls(DOCKER_CERT_PATH=str(files))


def _expired_engine(broken: Broken) -> dict[str, str]:
    engine = broken.machine.second_engine(until=_YESTERDAY)
    return broken.tls(DOCKER_HOST=broken.undone.enter_context(engine))


def _engine_of_another_name(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST=broken.undone.enter_context(broken.machine.second_engine("docker.example")))


def _client_of_another_authority(broken: Broken) -> dict[str, str]:
    files = broken.other_files()
    TLS(broken.home / "stranger").issue_client(files)
    return broken.tls(DOCKER_CERT_PATH=str(files))


def _expired_client(broken: Broken) -> dict[str, str]:
    files = broken.other_files()
    broken.machine.tls.issue_client(files, _YESTERDAY)
    return broken.tls(DOCKER_CERT_PATH=str(files))


def _key_of_another_certificate(broken: Broken) -> dict[str, str]:
    files = broken.other_files()
    shutil.copy(files / "server-key.pem", files / "key.pem")
    return broken.tls(DOCKER_CERT_PATH=str(files))


def _unreadable_key(broken: Broken) -> dict[str, str]:
    # pytest's own folders are for its user alone.
    files = broken.machine.folder / "unreadable"
    shutil.copytree(broken.machine.tls.folder, files)
    (files / "key.pem").chmod(0)
    # What is imported later may lie where only root may read.
    refused(broken.tls(DOCKER_HOST=f"tcp://{broken.port(1)}"), broken.home)
    broken.undone.callback(os.seteuid, 0)
    os.seteuid(_NOBODY)
    return broken.tls(DOCKER_CERT_PATH=str(files))


def _no_files(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_CERT_PATH=str(broken.home))


def _tls_not_asked_for(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_TLS_VERIFY="", DOCKER_CERT_PATH="")


def _no_tls_there(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST=broken.undone.enter_context(broken.machine.second_engine(tls=False)))


def _context_without_files(broken: Broken) -> dict[str, str]:
    return broken.context("far", "--docker", f"host=tcp://{broken.port(2376)},ca={broken.machine.tls.folder}/ca.pem")


def _unknown_context(broken: Broken) -> dict[str, str]:
    return broken.context("far", "--docker", "host=ssh://far.example") | {"DOCKER_CONTEXT": "fra"}


def _damaged_context(broken: Broken) -> dict[str, str]:
    env = broken.context("far", "--docker", "host=ssh://far.example")
    (meta,) = (broken.home / "config").rglob("meta.json")
    meta.write_text("{")
    return env


def _not_an_address(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST=f"https://{broken.port(2376)}")


def _unknown_name(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST="tcp://docker.invalid:2376")


def _wrong_port(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST=f"tcp://{broken.port(2377)}")


def _firewall(broken: Broken) -> dict[str, str]:
    return broken.tls(DOCKER_HOST=f"tcp://{broken.port(broken.undone.enter_context(broken.machine.dropped()))}")


def _stopped_engine(broken: Broken) -> dict[str, str]:
    broken.undone.enter_context(broken.machine.suspended())
    return broken.tls()


def _no_ssh(broken: Broken) -> dict[str, str]:
    return broken.ssh() | {"PATH": str(broken.home)}


def _unknown_host_key(broken: Broken) -> dict[str, str]:
    return broken.ssh(UserKnownHostsFile="/dev/null")


def _changed_host_key(broken: Broken) -> dict[str, str]:
    known = broken.home / "known_hosts"
    key = (broken.machine.folder / "user_key.pub").read_text()
    known.write_text(f"[{broken.machine.address}]:2222 {key}")
    return broken.ssh(UserKnownHostsFile=str(known))


def _key_that_it_does_not_know(broken: Broken) -> dict[str, str]:
    return broken.ssh(broken.machine.env("ssh:new")["DOCKER_HOST"])


def _no_such_user(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://nobody-here@{broken.port(2222)}")


def _no_ssh_server(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://dev@{broken.port(2223)}")


def _unknown_ssh_name(broken: Broken) -> dict[str, str]:
    return broken.ssh("ssh://dev@docker.invalid")


def _firewall_before_ssh(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://dev@{broken.port(broken.undone.enter_context(broken.machine.dropped()))}")


def _silent_ssh_server(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://dev@127.0.0.1:{broken.net.tcp(silent)}")


def _no_docker_there(broken: Broken) -> dict[str, str]:
    return broken.ssh(broken.machine.env("ssh:bare")["DOCKER_HOST"])


def _not_in_the_group_there(broken: Broken) -> dict[str, str]:
    return broken.ssh(broken.machine.env("ssh:guest")["DOCKER_HOST"])


def _no_socket_there(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://dev@{broken.port(2222)}/run/none.sock")


def _stale_socket_there(broken: Broken) -> dict[str, str]:
    return broken.ssh(f"ssh://dev@{broken.port(2222)}{broken.machine.stale_socket}")


def _stopped_engine_behind_ssh(broken: Broken) -> dict[str, str]:
    broken.undone.enter_context(broken.machine.suspended())
    return broken.ssh()


FAULTS: dict[str, Callable[[Broken], dict[str, str]]] = {
    "ca.pem is of another authority": _other_authority,
    "The engine's certificate has expired": _expired_engine,
    "The engine's certificate is for another name": _engine_of_another_name,
    "cert.pem is of another authority": _client_of_another_authority,
    "cert.pem has expired": _expired_client,
    "key.pem is of another certificate": _key_of_another_certificate,
    "key.pem cannot be read": _unreadable_key,
    "The folder of DOCKER_CERT_PATH has no such files": _no_files,
    "The port speaks TLS, and DOCKER_TLS_VERIFY is not set": _tls_not_asked_for,
    "DOCKER_TLS_VERIFY is set, and the port speaks no TLS": _no_tls_there,
    "The context has ca.pem alone": _context_without_files,
    "There is no such context": _unknown_context,
    "The context's file is damaged": _damaged_context,
    "DOCKER_HOST is no address": _not_an_address,
    "The name is unknown": _unknown_name,
    "Nobody listens on the port": _wrong_port,
    "A firewall drops our packets": _firewall,
    "The engine hangs": _stopped_engine,
    "No ssh program is here": _no_ssh,
    "The host key is unknown": _unknown_host_key,
    "The host key has changed": _changed_host_key,
    "The key is not accepted there": _key_that_it_does_not_know,
    "There is no such user there": _no_such_user,
    "No ssh server listens on the port": _no_ssh_server,
    "The name is unknown to ssh": _unknown_ssh_name,
    "A firewall drops ssh's packets": _firewall_before_ssh,
    "The ssh server accepts and says nothing": _silent_ssh_server,
    "No docker command is there": _no_docker_there,
    "The user there may not open Docker's socket": _not_in_the_group_there,
    "There is no such socket there": _no_socket_there,
    "The engine there is stopped": _stale_socket_there,
    "The engine there hangs": _stopped_engine_behind_ssh,
}
"""What is wrong, in the words of the page, and what makes it so; it returns the environment of who asks then."""


_PORT_FAULTS: dict[str, Callable[[RemoteMachine], AbstractContextManager[object]]] = {
    "A firewall drops what goes to containers": lambda machine: machine.dropped("32768:60999"),
    "The engine publishes on its own loopback alone": lambda machine: machine.configured(ip="127.0.0.1"),
}
"""What is found out once a container runs."""


@pytest.fixture
def broken(remote_machine: RemoteMachine, net: Net, home: Path) -> Iterator[Broken]:
    """Return what faults are made with."""
    with ExitStack() as stack:
        yield Broken(remote_machine, net, home, stack)


def test_the_page_tells_of_each_fault_that_is_tried() -> None:
    """A row for each, and no other row."""
    assert list(_ROWS) == [*FAULTS, *_PORT_FAULTS]


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_has_the_reason_that_the_page_tells(
    words: str, broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code, line and remedy are those of the page, which may leave something out, and come within the bound."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    env = FAULTS[words](broken)
    with broken.undone:
        _as_told(words, refused(env, broken.home))


@pytest.mark.parametrize("remote_place", ["tls"], indirect=True)
@pytest.mark.parametrize("words", _PORT_FAULTS)
def test_a_port_that_cannot_be_reached(words: str, remote_machine: RemoteMachine, remote_place: Place) -> None:
    """The container is removed, and the service comes from the next provider."""
    checkout = Checkout(remote_place, "docker,embedded", ("redis",))
    with _PORT_FAULTS[words](remote_machine):
        run = checkout.run()
    run.passed()
    assert run.report["services"]["redis"]["provider"] == "embedded"
    _as_told(words, Reason.from_json(run.attempt("redis", "docker")))
    remote_place.is_empty()


@pytest.mark.parametrize("remote_place", ["tls"], indirect=True)
@pytest.mark.parametrize("words", _PORT_FAULTS)
def test_a_port_that_a_class_waits_for(words: str, remote_machine: RemoteMachine, remote_place: Place) -> None:
    """It is as unavailable where a class of testcontainers waits for it, and no server that is broken."""
    tests = "def test_it(store):\n    raise SystemExit('it ran')\n"
    checkout = project(remote_place, "docker", STORE, tests, env={"TEST_FRAMEWORK_START_SECONDS": "5"})
    with _PORT_FAULTS[words](remote_machine):
        run = checkout.run()
    assert run.outcomes() == {"test_it": "skipped"}, run.output
    _as_told(words, Reason.from_json(run.attempt("store", "docker")))
    remote_place.is_empty()


def _as_told(words: str, reason: Reason) -> None:
    row = _ROWS[words]
    assert reason.code == row["code"], reason
    assert not reason.broken
    for told, shown in ((reason.message, row["said"]), (reason.remedy, row["remedy"])):
        pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
        assert re.search(pattern, told), (shown, told)
