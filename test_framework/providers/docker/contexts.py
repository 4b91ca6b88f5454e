"""Docker contexts: which one is chosen, and what the store beside the CLI's `config.json` says of it.

The rules are those of docker/cli's `cli/command` (`resolveContextName`) and `cli/context/store`.
"""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"
"""The context that stands for DOCKER_HOST or the default socket; it is in no store."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The name of the chosen context, and what chose it."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class DockerContext:
    """What the store says of one context.

    Attributes:
        host: The address as it is written there; empty means the default socket.
        tls: The folder with its TLS files, when it has one or asks for TLS without verification.
        verify: Whether the engine's certificate is verified.
    """

    host: str
    tls: Path | None
    verify: bool


def refuse_special(folder: Path) -> None:
    """Refuse a `config.json` that is no regular file, also where nothing chosen stands in it: the SDK reads it too.

    Raises:
        Refused: `context-missing`.
    """
    file = folder / "config.json"
    try:
        inputs.refuse_special(file)
    except inputs.NoFile as error:
        # A folder, which `docker run -v` makes where there is no file, holds nobody up.
        if not file.is_dir():
            raise _unusable(str(file), _cannot_read(error), folder) from error
    except OSError:
        # None, or hidden: see `selected`.
        return


def config_folder(env: Mapping[str, str], home: Path) -> Path:
    """Return the CLI's configuration folder: `DOCKER_CONFIG`, else `.docker` in `home`."""
    folder = env.get("DOCKER_CONFIG")
    return Path(folder) if folder else home / ".docker"


def selected(env: Mapping[str, str], folder: Path) -> Selection:
    """Return the chosen context: `DOCKER_CONTEXT`, else `currentContext` in `config.json`, else `default`.

    Raises:
        Refused: `context-missing`, when `config.json` cannot be read. (The CLI warns and takes the default
            socket; tests would then run on an engine that nobody chose.)
    """
    if name := env.get("DOCKER_CONTEXT"):
        return Selection(name, "DOCKER_CONTEXT")
    file = folder / "config.json"
    try:
        file.stat()
    except OSError:
        # A folder that this user may not enter, such as another user's home in a container, hides the file:
        # nothing was chosen here.
        return Selection(DEFAULT, "nothing")
    try:
        text = inputs.read_bytes(file)
        # The CLI takes an empty file as one without settings.
        config = json.loads(text) if text.strip() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(str(file), _cannot_read(error), folder) from error
    name = config.get("currentContext", "") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise _unusable(str(file), "it is JSON, but not the configuration of the docker CLI", folder)
    return Selection(name or DEFAULT, str(file))


def load(selection: Selection, folder: Path) -> DockerContext:
    """Read the context of that name from the store in `folder`.

    Raises:
        Refused: `context-missing`, when it is not there, cannot be read, or has no Docker endpoint.
    """
    name, source = selection.name, selection.source
    identity = _identity(name)
    try:
        meta = json.loads(inputs.read_bytes(folder / "contexts" / "meta" / identity / "meta.json"))
    except FileNotFoundError as error:
        raise _unusable(source, f"{name!r} does not exist", folder) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(source, f"the meta.json of {name!r}: {_cannot_read(error)}", folder) from error
    endpoint = _member(_member(meta, "Endpoints"), "docker")
    host, skip_verify = _member(endpoint, "Host") or "", _member(endpoint, "SkipTLSVerify") is True
    if endpoint is None or not isinstance(host, str):
        raise _unusable(source, f"{name!r} has no Docker endpoint", folder)
    tls = folder / "contexts" / "tls" / identity / "docker"
    try:
        found = stat.S_ISDIR(tls.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        found = False
    except OSError as error:
        # As after `sudo docker context create`: without its certificates the context is another one.
        raise _unusable(source, f"the TLS files of {name!r}: {_cannot_read(error)}", folder) from error
    return DockerContext(host, tls if found or skip_verify else None, not skip_verify)


def _identity(name: str) -> str:
    """Return the folder name that the store gives to a context, as `contextdirOf` does."""
    from hashlib import sha256

    return sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _names(folder: Path) -> list[str]:
    """Return the names of the contexts that can be chosen, for the remedy."""
    found = set()
    for file in (folder / "contexts" / "meta").glob("*/meta.json"):
        try:
            name = _member(json.loads(inputs.read_bytes(file)), "Name")
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(name, str):
            found.add(name)
    return [DEFAULT, *sorted(found)]


def _cannot_read(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    return f"it is not JSON: {error}"


def _unusable(source: str, error: str, folder: Path) -> Refused:
    choices = ", ".join(_names(folder))
    return Refused(Reason.of(Code.CONTEXT_MISSING, source=source, error=error, choices=choices))
