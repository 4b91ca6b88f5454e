"""Where Docker might answer: the addresses to try, found as the docker CLI finds them. Nothing is contacted here."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.providers.docker import contexts
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT_SOCKET = "/var/run/docker.sock"
_DEFAULT_PIPE = "//./pipe/docker_engine"
_SCHEMES = ("unix", "tcp", "ssh", "npipe")


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """The files of a TLS connection: the authority's certificate, the client's certificate and its key.

    Attributes:
        verify: Whether the engine's certificate is checked against `ca`.
    """

    ca: Path
    cert: Path
    key: Path
    verify: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address at which Docker might answer.

    Attributes:
        source: Where the address comes from, in words: `DOCKER_HOST`, `context 'colima'`, `the default socket`.
        host: `unix:///path`, `tcp://host:port[/path]`, `ssh://[user@]host[:port][/path]` or `npipe:////./pipe/name`.
        tls: The files for a `tcp://` address that speaks TLS.
    """

    source: str
    host: str
    tls: TLSFiles | None

    @property
    def path(self) -> str:
        """The path of a `unix://` address; empty for the others."""
        return self.host.removeprefix("unix://") if self.host.startswith("unix://") else ""


def candidates(env: Mapping[str, str], home: Path) -> tuple[Candidate, ...]:
    """Return the addresses to try, the preferred one first.

    An address that a person chose is the only one: `DOCKER_HOST`, which overrides every context, then
    `DOCKER_CONTEXT`, then the CLI's current context; the order is that of docker/cli's `resolveContextName`.
    `DOCKER_TLS_VERIFY` or `DOCKER_TLS` alone mean `tcp://localhost:2376` there, and here. When nothing is
    chosen: the default socket, then those of rootless Docker, Docker Desktop, Colima, OrbStack, Rancher
    Desktop and Podman, whether they exist or not.

    Args:
        env: Environment variables; empty ones count as unset.
        home: The user's home folder.

    Raises:
        Refused: `bad-docker-host`, `context-missing`, or `tls-misconfigured` when certificate files are missing.
    """
    folder = contexts.config_folder(env, home)
    contexts.refuse_special(folder)
    host = env.get("DOCKER_HOST", "")
    if not host:
        selection = contexts.selected(env, folder)
        if selection.name != contexts.DEFAULT:
            return (_from_context(selection, folder),)
    if host.strip():
        return (_explicit("DOCKER_HOST", host, *_tls_from_environment(env, folder)),)
    tls, verify = _tls_from_environment(env, folder)
    if tls:
        source = "DOCKER_TLS_VERIFY" if verify else "DOCKER_TLS"
        return (_explicit(source, "tcp://localhost:2376", tls, verify),)
    return tuple(_usual(env, home))


def parse_host(value: str) -> str:
    """Return a Docker address in full form, with its default port or path filled in.

    The rules are those of `ParseHost` in docker/cli's `opts` and of `ParseURL` in its `cli/connhelper/ssh`.
    A relative socket path is made absolute, because the processes that use it do not share a directory.

    Raises:
        ValueError: It is not an address; the text says why.
    """
    value = value.strip()
    if not value.isprintable():
        msg = "it contains a character that cannot be printed"
        raise ValueError(msg)
    scheme, separator, rest = value.partition("://")
    if not separator:
        if scheme.startswith(tuple(f"{name}:/" for name in _SCHEMES)):
            # The CLI takes the scheme for the name of a machine.
            msg = f"two slashes belong after {scheme.partition('/')[0]!r}"
            raise ValueError(msg)
        scheme, rest = ("unix" if value.startswith(("/", "./")) else "tcp"), value
    if scheme not in _SCHEMES:
        msg = f"the scheme {scheme!r} is none of {', '.join(_SCHEMES)}"
        raise ValueError(msg)
    if scheme != "ssh" and "://" in rest:
        msg = "it has two schemes"
        raise ValueError(msg)
    if scheme == "unix":
        return f"unix://{os.path.abspath(rest or _DEFAULT_SOCKET)}"  # noqa: PTH100 - Path.resolve follows links
    if scheme == "npipe":
        return f"npipe://{rest or _DEFAULT_PIPE}"
    return _parse_ssh(rest) if scheme == "ssh" else _parse_tcp(rest)


def _parse_tcp(address: str) -> str:
    parts = urlsplit(f"tcp://{address}")
    authority = parts.netloc.rpartition("@")[2]
    if authority.count(":") > 1 and "[" not in authority:
        # An IPv6 address without brackets has no port.
        authority = f"[{authority}]:"
    elif authority.endswith("]"):
        msg = "an IPv6 address in brackets needs a port"
        raise ValueError(msg)
    name, port = _name_and_port(f"tcp://{authority}", default=2375)
    name = name or "localhost"
    return f"tcp://[{name}]:{port}{parts.path}" if ":" in name else f"tcp://{name}:{port}{parts.path}"


def _parse_ssh(address: str) -> str:
    parts = urlsplit(f"ssh://{address}")
    name, _ = _name_and_port(f"ssh://{address}", default=22)
    refused = {
        "the host name is missing": not name,
        "a password in the address is not supported": parts.password is not None,
        "a query is not allowed": bool(parts.query),
        "a fragment is not allowed": bool(parts.fragment),
    }
    for why, applies in refused.items():
        if applies:
            raise ValueError(why)
    return f"ssh://{address}"


def _name_and_port(url: str, default: int) -> tuple[str, int]:
    parts = urlsplit(url)
    name, port = parts.hostname or "", default if parts.port is None else parts.port
    if re.search(r"\s", name):
        msg = "the host name has a space"
        raise ValueError(msg)
    if not port:
        msg = "the port is 0"
        raise ValueError(msg)
    return name, port


def _explicit(source: str, host: str, tls: Path | None, verify: bool) -> Candidate:  # noqa: FBT001 - as in TLSFiles
    try:
        parsed = parse_host(host)
    except ValueError as error:
        raise Refused(Reason.of(Code.BAD_DOCKER_HOST, value=host, source=source, error=error)) from error
    # A socket and ssh need no TLS, whatever the environment says.
    if tls is None or not parsed.startswith("tcp://"):
        return Candidate(source, parsed, None)
    files = TLSFiles(tls / "ca.pem", tls / "cert.pem", tls / "key.pem", verify)
    # The CLI can do without a client certificate. The docker SDK refuses to, and so does the CLI without ca.pem
    # when it is told by environment variables: an engine that only one of them reaches is of no use.
    missing = [file.name for file in (files.ca, files.cert, files.key) if not os.path.isfile(file)]  # noqa: PTH113
    if missing:
        why = f"{', '.join(missing)} missing in {tls}"
        told = Reason.of(Code.TLS_MISCONFIGURED, host=parsed, source=source, error=why)
        another = "name another folder in DOCKER_CERT_PATH"
        if source.startswith("context "):
            another = (
                f"run: docker context update {source[8:]} --docker host={parsed},ca=ca.pem,cert=cert.pem,key=key.pem"
            )
        raise Refused(replace(told, remedy=f"Put them into {tls}, or {another}."))
    return Candidate(source, parsed, files)


def _from_context(selection: contexts.Selection, folder: Path) -> Candidate:
    context = contexts.load(selection, folder)
    return _explicit(f"context {selection.name!r}", context.host or "unix://", context.tls, context.verify)


def _tls_from_environment(env: Mapping[str, str], folder: Path) -> tuple[Path | None, bool]:
    """Return the folder of the TLS files when the environment asks for TLS, and whether to verify.

    As `SetDefaultOptions` in docker/cli's `cli/flags`: any text counts as yes, "0" too.
    """
    verify = bool(env.get("DOCKER_TLS_VERIFY"))
    if not verify and not env.get("DOCKER_TLS"):
        return None, False
    path = env.get("DOCKER_CERT_PATH")
    return (Path(path) if path else folder), verify


def _usual(env: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield the addresses at which engines listen when nobody configured anything, each once."""
    if sys.platform == "win32":
        yield Candidate("the default pipe", f"npipe://{_DEFAULT_PIPE}", None)
        return
    user = Path(f"/run/user/{os.getuid()}")
    runtime = Path(env.get("XDG_RUNTIME_DIR") or user)
    colima = [Path(env["COLIMA_HOME"])] if env.get("COLIMA_HOME") else []
    if env.get("XDG_CONFIG_HOME"):
        colima.append(Path(env["XDG_CONFIG_HOME"]) / "colima")
    paths = (
        ("the default socket", Path(_DEFAULT_SOCKET)),
        ("the rootless socket", runtime / "docker.sock"),
        ("the rootless socket", user / "docker.sock"),
        ("Docker Desktop", home / ".docker/run/docker.sock"),
        ("Docker Desktop", home / ".docker/desktop/docker.sock"),
        *(("Colima", folder / "default/docker.sock") for folder in (*colima, home / ".colima")),
        ("OrbStack", home / ".orbstack/run/docker.sock"),
        ("Rancher Desktop", home / ".rd/docker.sock"),
        ("Podman", runtime / "podman/podman.sock"),
        ("Podman", user / "podman/podman.sock"),
        ("Podman", Path("/run/podman/podman.sock")),
        ("the Podman machine", home / ".local/share/containers/podman/machine/podman.sock"),
    )
    seen = set()
    for source, path in paths:
        if path not in seen:
            seen.add(path)
            yield Candidate(source, f"unix://{path}", None)
