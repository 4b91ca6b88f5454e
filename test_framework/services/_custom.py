"""A service of the user's own: what its table in the settings says, for every provider."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.config.custom import FREE_PORT, PROGRAM_FIELDS
from test_framework.config.fields import fill, parse
from test_framework.config.model import BadSetting
from test_framework.contracts import Binary, Command, ContainerSpec, Launch, RunAs
from test_framework.inherited import inherited
from test_framework.private import write_private
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services._binaries import version_printed_by
from test_framework.services._ready import Readiness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings
    from test_framework.config.custom import CustomServiceSettings
    from test_framework.contracts import Databases
    from test_framework.resolution import Endpoint

__all__ = ["CustomService"]

_LOOPBACK = "127.0.0.1"


class CustomService:
    """See `contracts.Service`. A class of the user's own takes over what its table cannot say.

    Args:
        name: Of the service.
        table: What the settings say of it.
    """

    needs: tuple[str, ...] = ()
    supports_isolation = False
    modules: tuple[str, ...] = ()

    def __init__(self, name: str, table: CustomServiceSettings) -> None:
        self.name = name
        self.table = table
        self.default_image = ""
        self.staging_variable = f"STAGING_{name.upper()}_URL"
        self.runs_as_root = table.runs_as_root
        self.ready = Readiness(table.ready, table.port)
        scheme = urlsplit(table.url_format).scheme
        # The same with TLS; any where the container gives the URL.
        self.schemes: tuple[str, ...] = (scheme, f"{scheme}s") if scheme else ()

    def container(self, launch: Launch) -> ContainerSpec:
        """Return what the table says of the image, and of the class of testcontainers for it."""
        table, fields = self.table, _Fields(password=launch.password)
        return ContainerSpec(
            port=table.port,
            url=_template(table.url_format, launch.password),
            env={name: fields.into(text) for name, text in table.container_environment.items()},
            command=tuple(map(_Fields().into, table.container_command)),
            kind=table.container,
            arguments={name: fields.into(text) for name, text in table.container_arguments.items()},
            url_from=table.container_url,
            ready_line=self.ready.line,
        )

    def find_binary(self, wanted_major: str, env: Mapping[str, str]) -> Binary:
        """Return the program that `command` begins with, from the PATH or where it says."""
        where = f"[tool.test_framework.services.{self.name}]"
        if not self.table.command:
            raise Refused(
                Reason.of(Code.NOT_CONFIGURED, what=f"a program for {self.name}", variables=f"command in {where}")
            )
        program = self._words(self.table.command[:1])[0]
        found = shutil.which(program, path=env.get("PATH"))
        if found is None:
            install = f"{program}, or name another one as command in {where}"
            looked = "that may be run is there" if os.sep in program else "is on the PATH"
            raise Refused(Reason.of(Code.BINARY_MISSING, binary=program, looked=looked, install=install))
        path = Path(found).absolute()
        # It may be a program that is being worked on.
        build = str(path.stat().st_mtime_ns)
        origin = "the settings" if os.sep in program else "PATH"
        variables = tuple(self._environment(env).items())
        version = _version(self._words(self.table.version_command), variables, build)
        return Binary(path, version, origin, build)

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a command that is run without a server: of the table's, those that tell of none."""
        fields, made = {"root": str(self.table.root)}, inherited(env)
        for name, text in self.table.environment.items():
            parts = parse(text, "the settings", PROGRAM_FIELDS, FREE_PORT)
            if all(field in (None, *fields) for _, field in parts):
                made[name] = fill(parts, fields)
        return made

    def _words(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command that is known without a server; a path to its program counts from the project's folder."""
        root = self.table.root
        words = tuple(map(_Fields(root=str(root)).into, command))
        # Whoever asks is in a folder of his own, and the supervisor in another one.
        return (str(root.absolute() / words[0]), *words[1:]) if words and os.sep in words[0] else words

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Write the table's files into `folder` and return the command, with its fields filled in."""
        table = self.table
        fields = _Fields(host=_LOOPBACK, port=str(port), folder=str(folder), password=launch.password)
        fields["root"] = str(table.root)
        for name, text in table.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, fields.into(text))
        return Command(
            argv=(str(binary.path), *map(fields.into, table.command[1:])),
            url=fields.into(table.url_format),
            env={name: fields.into(text) for name, text in table.environment.items()},
            ready_line=self.ready.line,
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask whether it is there, as `ready` says; its version is not known by that."""
        self.ready.check(url, source, seconds, env.get("STAGING_CA_BUNDLE"))
        return ""

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> Databases:
        """Refuse: nothing is known of parts of such a server."""
        instead = f"ask for {self.name} itself, or give its class `supports_isolation = True` and `databases`"
        raise BadSetting(f"{self.name} has no parts for one test each: {instead}.")


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

    def into(self, text: str) -> str:
        """Return a text of the table, which has been checked, with its fields filled in."""
        return fill(parse(text, "the settings", tuple(self), FREE_PORT), self)


def _template(url: str, password: str) -> str:
    """Return the URL of a table with its password, still as a template of where the server is: see `ContainerSpec`."""
    values = {"host": "{host}", "port": "{port}", "password": _doubled(password)}
    return fill(tuple((_doubled(text), field) for text, field in parse(url, "the settings", tuple(values))), values)


def _doubled(text: str) -> str:
    """Return a text in which braces stay what they are when it is filled in."""
    return text.replace("{", "{{").replace("}", "}}")


@lru_cache
def _version(command: tuple[str, ...], variables: tuple[tuple[str, str], ...], build: str) -> str:  # noqa: ARG001  # another build has another
    """Return what a command says of the version; empty where there is none, or it cannot tell."""
    return (command and version_printed_by(command, dict(variables))) or ""
