"""How a server is started: plain data that a service hands to a provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """How the service runs in a container; `url` is a template with `{host}` and `{port}`.

    `kind` is a class of testcontainers, as module:Class, that is called with the image and `arguments`, and waits by
    itself. It may know the port, which is 0 then, and `url_from` names its method or attribute that gives the URL.
    `ready_line` is what the server's log says when it is worth asking.
    """

    port: int
    url: str = field(repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    kind: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    url_from: str = ""
    ready_line: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Dedicated:
    """How a server that one run has to itself has to be.

    Attributes:
        port: Its port of the loopback network; 0 for any.
        password: Whether it asks for one.
    """

    port: int = 0
    password: bool = True

    @property
    def loopback_only(self) -> bool:
        """Whether the server must listen on loopback only."""
        return bool(self.port) or not self.password


def _no_cache() -> Path:
    raise FileNotFoundError("nothing is kept for the next start")


@dataclass(frozen=True, slots=True)
class Launch:
    """What a new server is given. Its password is known as a secret from then on.

    Attributes:
        password: A random one, for this server alone.
        needs: A URL for each service that it depends on, as the server itself reaches it.
        env: The environment of the client that asks.
        dedicated: How a dedicated server has to be; None for a shared one.
        options: Settings of the server, from the `options` of its table, by name.
        cache: Returns the folder of what is kept for the next start, which only we may enter; raises `OSError` where
            none can be had.
    """

    password: str = field(repr=False)
    needs: Mapping[str, str] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    dedicated: Dedicated | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    cache: Callable[[], Path] = field(default=_no_cache, repr=False)

    def __post_init__(self) -> None:
        KNOWN.add(self.password)

    def check_command(self, what: str, words: Iterable[str]) -> None:
        """Refuse a command line that shows the password: every user of the machine can read it.

        Raises:
            BadSetting: It does; the error names `what`.
        """
        if any(self.password in word for word in words):
            raise BadSetting(
                f"the command of {what} has the server's password, which every user of the machine can read there. "
                "Hand it over by the environment, a file or standard input."
            )

    @property
    def guarded(self) -> bool:
        """Whether the server asks for the password."""
        return self.dedicated is None or self.dedicated.password


@dataclass(frozen=True, slots=True)
class Binary:
    """An installed server program.

    `build` tells two of the same version apart, for a program that people change between two runs.
    """

    path: Path
    version: str
    origin: str
    build: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """How to run an embedded server.

    Attributes:
        argv: The program and its arguments; no secret may be among them, since every user can read them.
        url: Where it will answer.
        stdin: Text to feed it, for what must not be on the command line.
        env: Variables to add to the environment.
        stop_signal: The signal that ends it quickly and in order.
        before_check: Called before each question whether it is healthy, for what can only be set on a running
            server; what it raises means "not yet".
        ready_line: What its log says when it is worth asking.
    """

    argv: tuple[str, ...]
    url: str = field(repr=False)
    stdin: str = field(default="", repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: int = 15
    before_check: Callable[[], None] = lambda: None
    ready_line: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class RunAs:
    """Another user that server programs run as, when we are root and they refuse that; None for ourselves."""

    uid: int | None = None
    gid: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess`."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}
