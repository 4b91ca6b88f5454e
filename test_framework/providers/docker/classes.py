"""Containers by a class of testcontainers: made as it wants to be made, and its own way of waiting, with a bound."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.references import import_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testcontainers.core.container import DockerContainer

    from test_framework.contracts import ContainerSpec, Context, Service

_ASK_SECONDS = 0.05


class NotReady(Exception):
    """A container runs, and its class still waits for something."""


class StartError(Exception):
    """A class of somebody else's has raised what it likes."""


def make(
    image: str, spec: ContainerSpec, service: Service, context: Context, options: dict[str, Any]
) -> DockerContainer:
    """Return a container that is not started, of the class that the spec names, else of any.

    Args:
        image: Its name.
        spec: What the service says.
        service: For the errors.
        context: Holds the settings.
        options: How the engine is reached.

    Raises:
        BadSetting: The class cannot be had, or not so.
        Refused: `sdk-missing`, for a package that the class needs.
    """
    from testcontainers.core.container import DockerContainer

    if not spec.kind:
        return DockerContainer(image, docker_client_kw=options)
    source = context.settings.origin(f"services.{service.name}.container")
    kind = import_reference(spec.kind, "container", source, context.settings.root)
    try:
        made = kind(image, docker_client_kw=options, **spec.arguments)
    except TypeError as error:
        raise BadSetting(f"container = {spec.kind!r} in {source} cannot be made: {error}.") from error
    if not isinstance(made, DockerContainer):
        raise BadSetting.value("container", spec.kind, source, "a class of testcontainers")
    if spec.url_from and not hasattr(made, spec.url_from):
        source = context.settings.origin(f"services.{service.name}.container_url")
        choices = [name for name in dir(made) if not name.startswith("_") and name not in dir(DockerContainer)]
        raise BadSetting.unknown("method or attribute", spec.url_from, f"container_url, {source}", choices)
    return made


def adapt(container: DockerContainer, spec: ContainerSpec, labels: Mapping[str, str]) -> int:
    """Add to a container what the spec says, and our labels to its own; return the port that is asked for.

    Raises:
        BadSetting: Neither the spec nor the class names a port.
    """
    container.with_envs(**spec.env)
    if spec.command:
        container.with_command(list(spec.command))
    for path in spec.tmpfs:
        container.with_tmpfs_mount(path)
    kept = container._kwargs  # noqa: SLF001  # `with_kwargs` would forget what the class has put there
    container.with_kwargs(**{**kept, "labels": {**kept.get("labels", {}), **labels}})
    if not spec.kind:
        container.ports = {}
    exposed = [int(str(name).partition("/")[0]) for name in container.ports]
    if not spec.port and not exposed:
        raise BadSetting(f"{spec.kind} exposes no port by itself: say which one is meant, as in port = 5672.")
    port = spec.port or exposed[0]
    if port not in exposed:
        container.with_exposed_ports(port)
    return port


def command_of(container: DockerContainer) -> tuple[str, ...]:
    """Return all of a container that ends on a command line: its command, and what else it is told to run."""
    # A health check and an entrypoint are among these; the environment is not.
    return str(container._command), repr(container._kwargs)  # noqa: SLF001  # there are no public getters


def url_of(container: DockerContainer, spec: ContainerSpec) -> str:
    """Return the URL that a started container gives by itself; empty where the spec has one."""
    if not spec.url_from:
        return ""
    try:
        found = getattr(container, spec.url_from)
        return str(found() if callable(found) else found)
    except Exception as error:
        raise StartError(f"{spec.url_from} of {spec.kind}: {type(error).__name__}: {error}") from error


def start(container: DockerContainer, spec: ContainerSpec, seconds: float, ended: Callable[[], str | None]) -> None:
    """Start it, and wait as its class does, for so long at most, or until it has ended.

    Raises:
        NotReady: The time is over; it runs.
        StartError: It has ended, or its class raises something of its own.
    """
    if not spec.kind:
        container.start()
        return
    failed: list[BaseException] = []

    def run() -> None:
        try:
            container.start()
        except BaseException as error:  # noqa: BLE001  # told below, where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name=f"start {container.image}")
    thread.start()
    deadline: float | None = None
    while thread.is_alive():
        thread.join(_ASK_SECONDS)
        if container._container is None:  # noqa: SLF001  # the public getter raises
            # The engine is at it, which has a bound of its own.
            continue
        if why := ended():
            raise StartError(why)
        deadline = deadline or time.monotonic() + seconds
        if time.monotonic() > deadline:
            raise NotReady(f"{spec.kind} still waits")
    if failed:
        raise StartError(f"{type(failed[0]).__name__}: {failed[0]}") from failed[0]
