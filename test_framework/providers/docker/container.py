"""A container started by testcontainers, watched, and removed."""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from test_framework import owner
from test_framework.contracts import Launch
from test_framework.providers._startup import blaming_options, check_version, wait_healthy
from test_framework.providers.docker import classes, faults, images, published
from test_framework.providers.docker.client import connect, pointed_at, reach
from test_framework.providers.docker.client import options as client_options
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused, hide_secrets, moved

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    import docker
    from testcontainers.core.container import DockerContainer

    from test_framework.contracts import ContainerSpec, Context, Service
    from test_framework.providers.docker.probe import Engine

_log = logging.getLogger(__name__)
_NAME = "docker"

_LABEL_PROJECT = "test-framework.project"
_LABEL_SERVER = "test-framework.server"
_LOG_LINES = 40
_PORT_TRIES = 8


def start(service: Service, engine: Engine, context: Context) -> ContainerServer:
    """Start a container of the service's image and wait until it answers a real query.

    Raises:
        Refused: The image cannot be had, the container does not start, or it does not become healthy.
    """
    for attempt in range(1, _PORT_TRIES + 1):
        try:
            return _start_once(service, engine, context)
        except Refused as refused:
            # The engine counts its ports up for each address by itself: the next few may be had by others of its own.
            taken = "address already in use" in refused.reason.message and not (
                context.dedicated and context.dedicated.port
            )
            if not taken or attempt == _PORT_TRIES:
                raise
    raise AssertionError("unreachable")


def _start_once(service: Service, engine: Engine, context: Context) -> ContainerServer:
    client = connect(engine, context.env)
    server: ContainerServer | None = None
    try:
        with faults.mapping_errors(engine, service.name):
            context.memo.once("docker sweep", lambda: _sweep(client))
            image = images.ensure(client, engine, service, context)
            server = ContainerServer(service, engine, client, context)
            with blaming_options(service, _NAME, context):
                server.start(image)
    except BaseException:
        if server:
            server.stop()
        else:
            client.close()
        raise
    return server


class ContainerServer:
    """A container that we run. See `contracts.Server`."""

    def __init__(self, service: Service, engine: Engine, client: docker.DockerClient, context: Context) -> None:
        self._service = service
        self._engine = engine
        self._client = client
        self._context = context
        self._container: DockerContainer | None = None
        self._port = 0
        self._image = ""
        self._ended: str | None = None
        self._engine_error = ""
        self._stopping = False
        self._server_id = uuid4().hex
        label = f"{_LABEL_SERVER}={self._server_id}"
        self._cleanup_key = context.guard.add(
            kind="container", label=label, environment=engine.environment(), version=engine.api_version
        )
        self.endpoint = Endpoint(service.name, _NAME, "", None)

    def start(self, image: str) -> None:
        """Create and start it, then ask until it answers."""
        context, service = self._context, self._service
        dedicated, loopback_only = context.dedicated, context.dedicated is not None and context.dedicated.loopback_only
        candidate = self._engine.candidate
        elsewhere = Refused(Reason.of(Code.ENGINE_ELSEWHERE, service=service.name, host=candidate.host))
        options = context.settings.service(service.name).options
        launch = Launch(secrets.token_urlsafe(18), self._needs(), context.env, dedicated, options)
        spec = service.container(launch)
        found = self._client.images.get(image)
        self._image = str(found.id)
        context.progress(f"{service.name}: starting a container of {image}")
        with self._map_errors(), pointed_at(self._engine):
            from testcontainers.core.utils import inside_container

            # On this machine's engine only we may connect. From a container, or to a remote engine, the way
            # leads over another address, and the port has to be open there.
            inside = inside_container()
            if loopback_only and not self._local:
                raise elsewhere
            private = self._local and (not inside or loopback_only)
            container = classes.make(image, spec, service, context, client_options(self._engine))
            reach(container.get_docker_client().client, candidate.host, context.env)
            published.name_machine(container, candidate, context.env)
            self._port = classes.adapt(container, spec, self._labels())
            launch.check_command(f"{service.name}'s container", classes.command_of(container))
            fixed = (dedicated and dedicated.port) or None
            for name in container.ports:
                at = (published.LOOPBACK, fixed if str(name).partition("/")[0] == str(self._port) else None)
                container.ports[name] = at if private else None  # type: ignore[assignment]  # docker's own form
            self._container = container
            self._run(container, spec)
            port = self._published()
            # What listens on the same port here is not it, when the engine is on another machine.
            near = self._local and (not inside or published.accepts(port))
            if loopback_only and not near:
                raise elsewhere
            host = published.LOOPBACK if near else published.host_of(container, service.name, (self._port, port))
            url = classes.url_of(container, spec) or spec.url.format(host=host, port=port)
        threading.Thread(target=self._watch, daemon=True, name=f"watch {service.name}").start()
        logs_say = partial(self._logs_say, spec.ready_line)
        try:
            version = wait_healthy(
                service, _NAME, url, context, died=self._how_it_ended, log=self.log, logs_say=logs_say
            )
        except Refused as refused:
            raise self._refusal(refused.reason, refused.log) from refused
        version = version or images.version_of_image(service, found.attrs, image) or ""
        note = check_version(service, version, context)
        endpoint = Endpoint(service.name, _NAME, url, version or None, note, origin=f"the image {image}")
        self.endpoint = endpoint.at(url, shown=hide_secrets(endpoint.safe_url))
        service.check_extensions(self.endpoint, context)

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        """Raise what the SDK, testcontainers and its classes raise in the block as `Refused`, with the server's log."""
        from docker.errors import DockerException

        name = self._service.name
        try:
            yield
        except classes.NotReady as error:
            where = {"service": name, "provider": _NAME, "seconds": self._context.settings.start_seconds}
            raise self._refusal(Reason.of(Code.HEALTH_TIMEOUT, error=error, **where)) from error
        except classes.StartError as error:
            raise self._refusal(self._start_failed(error)) from error
        except (DockerException, OSError) as error:
            reason = faults.reason_of(error, self._engine, name)
            raise Refused(reason or self._start_failed(error), log=self.log()) from error

    def _refusal(self, reason: Reason, log: str | None = None) -> Refused:
        """Return why it did not start: that the engine is gone, if it is, else the reason that is known."""
        name, env = self._service.name, self._context.env
        lost = (
            faults.engine_gone(self._engine, name, self._engine_error)
            if self._engine_error
            else faults.engine_lost(self._engine, name, env)
        )
        return Refused(lost or reason, self.log() if log is None else log)

    def _published(self) -> int:
        """Return the port of the engine's machine that leads to the server."""
        if self._container is None:
            raise AssertionError("it was started")
        seconds = self._context.settings.start_seconds
        return published.port_of(self._container, self._service.name, self._port, seconds, self._how_it_ended)

    def _run(self, container: DockerContainer, spec: ContainerSpec) -> None:
        """Start it, and wait as its class does."""
        try:
            classes.start(container, spec, self._context.settings.start_seconds, self._how_it_ended)
        except (classes.NotReady, classes.StartError):
            # Its class may have waited for a port that nobody reaches from here.
            if not self._local and self._wrapped() and not self._how_it_ended():
                published.host_of(container, self._service.name, (self._port, self._published()))
            raise

    def _logs_say(self, line: re.Pattern[str] | None) -> bool:
        """Whether the log of the container has the ready line."""
        return line is None or bool(line.search(self._wrapped().logs().decode(errors="replace")))

    @property
    def _local(self) -> bool:
        return self._engine.candidate.host.startswith(("unix://", "npipe://"))

    def _labels(self) -> dict[str, str]:
        return {
            owner.LABEL: self._context.owner,
            owner.HOST_LABEL: owner.HOST,
            _LABEL_PROJECT: str(self._context.settings.root),
            _LABEL_SERVER: self._server_id,
        }

    def _needs(self) -> dict[str, str]:
        """Return the URLs of what the server depends on, as a container reaches them."""
        return {name: part.server.url_from_container(part.endpoint.url) for name, part in self._context.needs.items()}

    def url_from_container(self, url: str) -> str:
        """See `contracts.Server`."""
        wrapped = self._wrapped()
        wrapped.reload()
        networks = wrapped.attrs["NetworkSettings"]["Networks"].values()
        address = next((n["IPAddress"] for n in networks if n.get("IPAddress")), None)
        if address is None:
            why = f"container {self.identity}, which another one needs, has no address of its own on the engine"
            raise Refused(Reason.of(Code.START_FAILED, service=self._service.name, provider=_NAME, error=why))
        return moved(url, address, self._port)

    def _start_failed(self, error: Exception) -> Reason:
        text = str(getattr(error, "explanation", None) or error)
        what = f"{self._service.name} on {_NAME}"
        if "no space left on device" in text:
            return Reason.of(Code.DISK_FULL, what=what, error=text)
        ended = self._how_it_ended()
        return Reason.of(Code.START_FAILED, service=self._service.name, provider=_NAME, error=ended or text)

    def _wrapped(self) -> Any:
        return self._container.get_wrapped_container() if self._container and self._container._container else None  # noqa: SLF001  # the public getter raises

    @property
    def identity(self) -> str:
        """The short container id."""
        wrapped = self._wrapped()
        return str(wrapped.short_id) if wrapped else ""

    def _watch(self) -> None:
        """Wait for the container's end, so that asking whether it still runs costs nothing."""
        from docker.errors import DockerException, NotFound

        try:
            status = self._client.api.wait(self._wrapped().id, timeout=None)
            ended = f"container {self.identity} exited {status['StatusCode']}"
        except NotFound:
            ended = f"container {self.identity} was removed"
        except (DockerException, OSError) as error:
            self._engine_error = str(error)
            ended = f"the Docker engine at {self._engine.candidate.host} no longer answers: {type(error).__name__}"
        if not self._stopping:
            self._ended = ended

    def _how_it_ended(self) -> str | None:
        """Return how it ended, or None; the engine is asked as long as the watch has not heard of an end."""
        from docker.errors import DockerException, NotFound

        if self._ended or not self._wrapped():
            return self._ended
        try:
            state = self._client.api.inspect_container(self._wrapped().id)["State"]
        except NotFound:
            return f"container {self.identity} was removed"
        except (DockerException, OSError) as error:
            self._engine_error = str(error)
            return f"the Docker engine does not answer: {error}"
        if state["Status"] in ("exited", "dead"):
            return f"container {self.identity} exited {state['ExitCode']}"
        return None

    def died(self) -> Reason | None:
        """Return the end that the watch has heard of."""
        if self._ended is None:
            return None
        return Reason.of(Code.SERVER_DIED, service=self._service.name, provider=_NAME, error=self._ended)

    def outdated(self, context: Context) -> bool:
        """Whether the image's name stands for another image by now, as after a build."""
        from docker.errors import DockerException

        try:
            wanted = self._client.images.get(images.name_of(self._service, context)).id
        except (DockerException, OSError):
            return False
        return wanted != self._image

    def log(self) -> str:
        """Return the last lines that the container wrote; empty when the engine cannot be asked."""
        from docker.errors import DockerException

        wrapped = self._wrapped()
        if not wrapped:
            return ""
        try:
            return hide_secrets(wrapped.logs(tail=_LOG_LINES).decode(errors="replace"))
        except (DockerException, OSError):
            return ""

    def stop(self) -> None:
        """Remove the container with its volumes; where the engine does not answer, the guard tries once more."""
        from docker.errors import DockerException, NotFound

        self._stopping = True
        try:
            if self._container is not None:
                with suppress(NotFound):
                    self._container.stop()
            # One that was asked for and never heard of may be made yet: the guard looks for it in the end.
            if self._container is None or self._wrapped():
                self._context.guard.drop(self._cleanup_key)
        except (DockerException, OSError) as error:
            _log.warning("container %s cannot be removed: %s", self.identity, error)
        finally:
            self._client.close()
            if self._container is not None:
                self._container.get_docker_client().client.close()


def _sweep(client: docker.DockerClient) -> None:
    """Remove the containers whose owner, a process of this machine, was killed together with its guard."""
    from docker.errors import DockerException

    label = f"{owner.HOST_LABEL}={owner.HOST}"
    # Another run may end, or sweep, at the same time.
    for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        mark = container.labels.get(owner.LABEL, "")
        if owner.is_mark(mark) and not owner.alive(mark):
            with suppress(DockerException, OSError):
                container.remove(force=True, v=True)
                _log.info("swept container %s", container.name)
