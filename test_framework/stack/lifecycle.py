"""What a person does with the stack: up, down, status, logs."""

from __future__ import annotations

import json
import re
import shlex
import socket
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from test_framework.config import CustomServiceSettings
from test_framework.stack import command
from test_framework.stack.engine import StackResources
from test_framework.stack.errors import StackError
from test_framework.stack.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.config import Settings
    from test_framework.stack.engine import StackResource

_FILE = "compose/compose.yaml"
_ASK_SECONDS = 15.0
_DOWN_SECONDS = 60.0
_LOG_LINES = 20
_PORT_TRIES = 3
_TAKEN = re.compile(r"port is already allocated|address already in use")
_URLS = {
    "postgres": "postgresql://postgres:{POSTGRES_PASSWORD}@{address}/postgres",
    "redis": "redis://:{REDIS_PASSWORD}@{address}/0",
    "clickhouse": "http://default:{CLICKHOUSE_PASSWORD}@{address}/default",
}
_CLICKHOUSE_INSIDE = "CLICKHOUSE_INTERNAL_URL"
"""Where the services of the stack find ClickHouse, where it is a part of it."""


class Stack:
    """The stack of one compose project on the engine of this machine. Its methods raise `StackError`.

    Args:
        settings: Of the project, whose folder has `compose/compose.yaml`.
        env: The environment of the person who asks; `COMPOSE_PROJECT_NAME` names the project.
        say: Called with a line for that person.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.name = env.get("COMPOSE_PROJECT_NAME") or "test-framework"
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.name):
            raise StackError(f"COMPOSE_PROJECT_NAME={self.name!r}: use small letters, digits, - and _ only")
        self.variables = Variables(self.name, env, settings.root / _FILE)
        self._settings = settings
        self._env = env
        self._say = say
        self._holdings = StackResources(self.name, env)

    def up(self, *, clickhouse: bool = False) -> None:
        """Start what is not up and wait until all of it is healthy; with new passwords, in a private file."""
        secrets = self.variables.secrets()
        analytics = _URLS["clickhouse"].format(address="clickhouse:8123", **secrets) if clickhouse else ""
        env = {_CLICKHOUSE_INSIDE: analytics, "COMPOSE_PROFILES": "clickhouse" if clickhouse else ""}
        env = self._environment(secrets) | env
        planned = self._planned(env)
        if planned.keys() <= {part.service for part in self._holdings.parts() if part.state == "healthy"}:
            if not self.variables.read():
                why = f"{self.name} is up, and {self.variables.path}, with its passwords, is gone"
                raise StackError(f"{why}. Run: invoke down")
            self._report_progress("already up")
            return
        self._check_ports(planned)
        self._get_images(planned, env)
        self.variables.write(secrets)
        bound = 2 * self._settings.start_seconds  # the servers, and then what depends on them
        for _ in range(_PORT_TRIES):
            status, said = self._compose(env, bound, "up", "--detach", "--wait", "--no-build")
            # The engine counts its ports up, and a server of this machine may have the next one.
            if status == 0 or not _TAKEN.search(said):
                break
        if status != 0:
            raise StackError(self._why_not_up(said, planned))
        urls = {part.service: self._url(part, secrets) for part in self._holdings.parts()}
        named = {f"TEST_FRAMEWORK_{service.upper()}_URL": url for service, url in urls.items() if url}
        self.variables.write(secrets | named)
        self._report_progress("up")

    def _url(self, part: StackResource, secrets: Mapping[str, str]) -> str:
        """Return where tests find a part: a service that everybody has, or one of the project's own without a login."""
        if part.service in _URLS:
            return _URLS[part.service].format(address=part.address, **secrets)
        table = self._settings.services.get(part.service)
        if not isinstance(table, CustomServiceSettings) or "{password}" in table.url_format:
            return ""
        host, _, port = part.address.rpartition(":")
        return table.url_format.format(host=host, port=port) if port else ""

    def down(self) -> None:
        """Remove containers, networks, volumes and the file of variables."""
        if not self._holdings.names():
            self.variables.remove()
            self._say(f"nothing is up: {self.name}")
            return
        arguments = ("down", "--volumes", "--remove-orphans", "--timeout=5")
        _, said = self._compose(self._environment(), _DOWN_SECONDS, *arguments)
        if left := self._holdings.names():
            raise StackError(f"{', '.join(left)} cannot be removed: {said}. Run invoke down once more")
        self.variables.remove()
        self._say(f"down: {self.name}")

    def logs(self, service: str = "", *, follow: bool = False, tail: int = 100) -> None:
        """Say the last lines of one service's log, or of all; with `follow`, go on until interrupted."""
        known = [part.service for part in self._holdings.parts()]
        if not known:
            raise StackError(f"nothing is up: {self.name}. Run: invoke up")
        if service and service not in known:
            raise StackError(f"--service {service!r} is not up. Choices: {', '.join(known)}.")
        arguments = ("logs", "--no-color", f"--tail={tail}", *(["--follow"] if follow else []), service)
        status, said = self._compose(self._environment(), None if follow else _ASK_SECONDS, *filter(None, arguments))
        if status != 0:
            raise StackError(f"the logs cannot be read: {said}. See: docker ps")

    def status(self) -> None:
        """Say what there is, or why that is not known."""
        told = self.to_json()
        states = {part["state"] for part in told["parts"]}
        summary = "nothing is up" if not states else "up" if states == {"healthy"} else "partly up"
        self._say(f"stack {self.name}: {told['error'] or summary}")
        for part in told["parts"]:
            self._say("  {service:<10}  {state:<9}  {address:<21}  {image}".format(**part))

    def to_json(self) -> dict[str, Any]:
        """Return what there is as plain data, with the reason where the engine cannot be asked."""
        try:
            return {"name": self.name, "parts": [asdict(part) for part in self._holdings.parts()], "error": None}
        except StackError as error:
            return {"name": self.name, "parts": [], "error": str(error)}

    def _report_progress(self, what: str) -> None:
        """Say where it is and how to use it; the passwords stay in the file."""
        self._say(f"{what}: {self.name}")
        for part in self._holdings.parts():
            self._say(f"  {part.service:<10}  {part.address:<21}  {part.image}")
        self._say(f"To run tests on it: set -a; . {shlex.quote(str(self.variables.path))}; set +a")

    def _environment(self, secrets: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of compose; what only looks or removes means all that there may be."""
        images = {
            f"TEST_FRAMEWORK_{name.upper()}_IMAGE": self._settings.service(name).image
            for name in self._settings.services
        }
        chosen = {name: image for name, image in images.items() if image}
        engine = self._holdings.engine.environment()
        known = secrets or self.variables.secrets()
        return {**self._env, **chosen, **engine, **known, "COMPOSE_PROFILES": "clickhouse"}

    def _argv(self, *arguments: str) -> list[str]:
        file = self._settings.root / _FILE
        return [*command.find(self._env), f"--project-name={self.name}", f"--file={file}", *arguments]

    def _compose(self, env: Mapping[str, str], seconds: float | None, *arguments: str) -> tuple[int, str]:
        return command.run(self._argv(*arguments), env, seconds, self._say)

    def _planned(self, env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        status, text = command.capture(self._argv("config", "--format", "json"), env)
        if status != 0:
            raise StackError(f"{_FILE} cannot be used: {text}. Correct the variable that it names")
        services: dict[str, dict[str, Any]] = json.loads(text)["services"]
        return services

    def _check_ports(self, planned: Mapping[str, Mapping[str, Any]]) -> None:
        """Find a port that is taken before anything is started; those of our own containers are not asked for."""
        ours = {part.service for part in self._holdings.parts() if part.address}
        for service in planned.keys() - ours:
            port = int(planned[service]["ports"][0].get("published") or 0)
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                why = f"{service} cannot have port {port}: {error.strerror}"
                raise StackError(
                    f"{why}. Set {service.upper()}_PORT to another port, or to 0 for any that is free"
                ) from error

    def _get_images(self, planned: Mapping[str, Mapping[str, Any]], env: Mapping[str, str]) -> None:
        """Pull or build what the engine does not have."""
        here = self._holdings.images()
        for service, told in planned.items():
            if (image := told["image"]) in here:
                continue
            action = "build" if "build" in told else "pull"
            self._say(f"{action} {image}")
            status, said = self._compose(env, self._settings.pull_seconds, action, service)
            if status != 0:
                why = f"the image {image} is not here, and cannot be had: {said}"
                name = f"name one that is here in TEST_FRAMEWORK_{service.upper()}_IMAGE"
                raise StackError(f"{why}. Check the network, run invoke images, or {name}")

    def _why_not_up(self, said: str, planned: Iterable[str]) -> str:
        if _TAKEN.search(said):
            ports = " or ".join(f"{service.upper()}_PORT" for service in sorted(planned))
            return f"a port is taken: {said}. Set {ports} to 0"
        sick = [part for part in self._holdings.parts() if part.state != "healthy"]
        for part in sick:
            with suppress(StackError):  # the cause is what is told below
                self.logs(part.service, tail=_LOG_LINES)
        states = ", ".join(f"{part.service} is {part.state}" for part in sick)
        remedy = "Read the log above, or raise TEST_FRAMEWORK_START_SECONDS; then run: invoke down"
        return f"{self.name} is not healthy: {said} ({states}). {remedy}"
