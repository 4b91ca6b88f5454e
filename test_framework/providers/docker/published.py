"""Where a port that a container publishes is reached from here."""

from __future__ import annotations

import socket
import time
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework import net
from test_framework.providers.docker.classes import StartError
from test_framework.providers.docker.ssh import real_name
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testcontainers.core.container import DockerContainer

    from test_framework.providers.docker.endpoint import Candidate

LOOPBACK = "127.0.0.1"

_PAUSE = 0.02
_SECONDS = 2.0
"""Bound on the first connection: a lost packet is sent again after one second."""


def machine_of(candidate: Candidate, env: Mapping[str, str]) -> str:
    """Return the name or address of an engine's machine; empty for this one, behind a socket."""
    if candidate.host.startswith("ssh://"):
        return real_name(candidate, env)
    return urlsplit(candidate.host).hostname or ""


def accepts(port: int) -> bool:
    """Whether the port is on our own loopback network, as it is where a container shares the host's network."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def name_machine(container: DockerContainer, candidate: Candidate, env: Mapping[str, str]) -> None:
    """Let a container say where it is as we reach it, to its own class as well, which may wait for it there.

    That is the machine of the engine's address; of an ssh address, what ssh's own configuration says of it.
    `TESTCONTAINERS_HOST_OVERRIDE` comes before both.

    Args:
        container: It need not run yet.
        candidate: The engine's address.
        env: The environment for the ssh program.
    """
    told = container.get_container_host_ip
    machine = cache(partial(machine_of, candidate, env))

    def host() -> str:
        found = told()
        return machine() if found == urlsplit(candidate.host).hostname else found

    container.get_container_host_ip = host  # type: ignore[method-assign]  # of this one alone


def port_of(container: DockerContainer, what: str, inner: int, seconds: float, ended: Callable[[], str | None]) -> int:
    """Return the port that leads to a container's own; an engine in a virtual machine may publish it late.

    Args:
        container: It was started.
        what: Its service, for the reason.
        inner: Its own port.
        seconds: How long to wait.
        ended: Returns how the container ended, or None while it runs.

    Raises:
        StartError: It has ended.
        Refused: `port-unreachable`.
    """
    if not container.get_docker_client().get_connection_mode().use_mapped_port:
        return inner
    identity = str(container.get_wrapped_container().id)
    deadline = time.monotonic() + seconds
    while not (bindings := container.get_docker_client().client.api.port(identity, inner)):
        if why := ended():
            raise StartError(why)
        if time.monotonic() > deadline:
            error = f"the engine has not published it within {seconds:g} s"
            where = {"service": what, "host": container.get_container_host_ip(), "port": inner}
            raise Refused(Reason.of(Code.PORT_UNREACHABLE, error=error, **where))
        time.sleep(_PAUSE)
    return int(bindings[0]["HostPort"])


def host_of(container: DockerContainer, what: str, ports: tuple[int, int]) -> str:
    """Return the name or address at which we reach a port, and see that something listens there.

    Args:
        container: It runs, and says where: see `name_machine`.
        what: Its service, for the reason.
        ports: Its own port, and that of the engine's machine which leads there.

    Raises:
        Refused: `port-unreachable`.
    """
    host = container.get_container_host_ip()
    inner, port = ports
    where = {"service": what, "host": host, "port": port}
    bindings = container.get_docker_client().client.api.port(str(container.get_wrapped_container().id), inner) or []
    only = {binding["HostIp"] for binding in bindings if binding["HostIp"] and is_loopback(binding["HostIp"])}
    if only and len(only) == len(bindings) and not is_loopback(host):
        error = f"the engine publishes ports on {', '.join(sorted(only))} of its own machine alone"
        raise Refused(Reason.of(Code.PORT_UNREACHABLE, error=error, **where))
    try:
        net.connect(host, port, "the engine's address", _SECONDS).close()
    except Refused as refused:
        # A container that is still starting may refuse: its health is asked for next.
        if refused.reason.code is not Code.CONNECTION_REFUSED:
            raise Refused(Reason.of(Code.PORT_UNREACHABLE, error=refused.reason.message, **where)) from refused
    return host
