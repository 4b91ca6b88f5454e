"""What the engine has of a compose project; asked of itself, which is the same for each version of compose."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from test_framework.providers.docker.client import connect
from test_framework.providers.docker.probe import Engine, probe
from test_framework.resolution import Refused
from test_framework.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docker import APIClient

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_LOCAL = re.compile(r"unix://|npipe://|tcp://(127\.|localhost\b)")


@dataclass(frozen=True, slots=True)
class StackResource:
    """A container of the stack.

    Attributes:
        service: Its name in the compose file.
        state: `healthy`, `starting`, `unhealthy`, or what the engine calls it, such as `exited`.
        image: What it runs.
        address: Host and port on this machine; empty where it has none.
    """

    service: str
    state: str
    image: str
    address: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> StackResource:
        """Return the part that an entry of the engine's list of containers is."""
        health = re.search(r"\((?:health: )?(\w+)\)$", told["Status"]) if told["State"] == "running" else None
        at = [f"{port['IP']}:{port['PublicPort']}" for port in told["Ports"] if port.get("PublicPort")]
        state = health[1] if health else told["State"]
        return cls(told["Labels"].get(_SERVICE, ""), state, told["Image"], at[0] if at else "")


class StackResources:
    """What the engine of this machine has of one project. Every method raises `StackError`."""

    def __init__(self, project: str, env: Mapping[str, str]) -> None:
        self._filter = {"label": f"{_PROJECT}={project}"}
        self._env = env

    @cached_property
    def engine(self) -> Engine:
        """The engine; one on another machine is none, since the stack opens ports on the engine's own."""
        try:
            engine = probe(self._env)
        except Refused as refused:
            raise StackError(f"{refused.reason}. {refused.reason.remedy}") from refused
        if not _LOCAL.match(engine.candidate.host):
            where = f"the Docker engine, at {engine.candidate.host}, is on another machine"
            raise StackError(f"{where}, and so would be the stack's ports. Run: docker context use default")
        return engine

    def parts(self) -> tuple[StackResource, ...]:
        """Return the containers, by service."""
        found = self._ask(lambda api: api.containers(all=True, filters=self._filter))
        return tuple(sorted(map(StackResource.of, found), key=lambda part: part.service))

    def names(self) -> list[str]:
        """Return the names of all containers, networks and volumes."""
        containers = self._ask(lambda api: api.containers(all=True, filters=self._filter))
        networks = self._ask(lambda api: api.networks(filters=self._filter))
        volumes = self._ask(lambda api: api.volumes(filters=self._filter)["Volumes"] or [])
        return [told["Names"][0] for told in containers] + [told["Name"] for told in (*networks, *volumes)]

    def images(self) -> set[str]:
        """Return the names of all images that are here."""
        return {tag for told in self._ask(lambda api: api.images()) for tag in told["RepoTags"] or ()}

    def _ask(self, question: Callable[[APIClient], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        from docker.errors import DockerException

        try:
            with closing(connect(self.engine, self._env)) as client:
                return question(client.api)
        except Refused as refused:
            raise StackError(f"{refused.reason}. {refused.reason.remedy}") from refused
        except (DockerException, OSError) as error:
            raise StackError(f"the Docker engine does not answer: {error}. See: docker version") from error
