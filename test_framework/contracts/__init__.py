"""The small protocols between services, providers and the supervisor.

A service says what it is and how it is healthy. A provider gets one. Neither knows the other's inside,
so that a new service, or a new provider, is one new file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from test_framework.contracts.specs import Binary, Command, ContainerSpec, Dedicated, Launch, RunAs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.memo import Memo
    from test_framework.resolution import Endpoint, Reason

__all__ = [
    "Binary",
    "CleanupRegistry",
    "Command",
    "ContainerSpec",
    "Context",
    "Databases",
    "Dedicated",
    "Dependency",
    "IsolatedResource",
    "Launch",
    "Provider",
    "RunAs",
    "Server",
    "Service",
]


@dataclass(frozen=True, slots=True)
class IsolatedResource:
    """What one test has of a server to itself: a database, or a keyspace.

    Attributes:
        name: Unique on the server.
        endpoint: Where it is reached.
    """

    name: str
    endpoint: Endpoint


class Databases(Protocol):
    """Hands out isolated resources of one server. Safe to call from several threads."""

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Begin to make resources ready; an error is raised by the `checkout` that follows."""

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> IsolatedResource:
        """Return a fresh resource.

        Args:
            template: What it is made from: the `template` of the settings.
            run: The id of the run, for a template that is a program.
            env: The environment of the client, for the same.
            skip_template: Whether it is for a server that depends on this one, which knows of no template and no prefix
                and needs a whole database.

        Raises:
            Refused: The template failed, or the server is gone.
        """

    def leaked(self, isolated: IsolatedResource) -> list[str]:
        """Return what has changed on the server, outside of all resources, since this one was handed out.

        Empty where the server keeps each test to its own resource, and where others than tests use the server.
        """

    def give_back(self, isolated: IsolatedResource, *, retain: bool) -> None:
        """Destroy the resource; `retain` keeps it for a person to look at."""

    def tidy(self) -> None:
        """Remove what tests have left outside of their resources; called when the last run has ended."""

    def close(self) -> str:
        """Remove what was made on an external server, and close the connections.

        Return what could not be removed and why, in words; empty where nothing is left.
        """


class Service(Protocol):
    """What a test needs, and everything that is particular about it.

    Attributes:
        name: As in the settings, fixtures and reports.
        default_image: The image of the docker provider; empty when only the settings can name one.
        schemes: How its URLs may begin; none for any.
        staging_variable: The variable that holds its URL in staging.
        runs_as_root: Whether the embedded server runs as root too.
        needs: The services that one of its servers depends on, when we start it.
        supports_isolation: Whether `databases` hands out resources of a server to one test each.
        modules: What its checks import and is slow to; it is imported while a server is looked for.
    """

    name: str
    default_image: str
    schemes: tuple[str, ...]
    staging_variable: str
    runs_as_root: bool
    needs: tuple[str, ...]
    supports_isolation: bool
    modules: tuple[str, ...]

    def container(self, launch: Launch) -> ContainerSpec:
        """Return how it runs in a container."""

    def find_binary(self, wanted: str, env: Mapping[str, str], settings: Settings | None = None) -> Binary:
        """Return the server program to embed, of the version that is `wanted` or the nearest to it.

        Raises:
            Refused: `binary-missing` or `extension-missing`.
        """

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Make `folder` ready (initialise a data directory) and return how to run the server there."""

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask a real query and return the server's version, empty when it cannot be told; raises `Refused`.

        `env` is the client's environment, for what no URL can say: the authority that signed a certificate.
        """

    def check_extensions(self, endpoint: Endpoint, context: Context) -> None:
        """Raise `Refused` with `extension-missing` when a server that answers lacks an extension that is needed."""

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> Databases:
        """Return what hands out isolated resources of the server at `endpoint`; `folder` is private to us."""


class Server(Protocol):
    """Something that answers: started by us, or found."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""

    @property
    def identity(self) -> str:
        """A process id or container id for people; empty when the server is not ours."""

    def died(self) -> Reason | None:
        """Return why it no longer runs, or None; cheap enough to ask before every test."""

    def outdated(self, context: Context) -> bool:
        """Whether another program or image would be started now than the one that runs."""

    def url_from_container(self, url: str) -> str:
        """Return `url`, which is for this machine, as a container on the same engine reaches it.

        Raises:
            Refused: `start-failed`, when the server's container has no address of its own.
        """

    def log(self) -> str:
        """Return the end of the server's own log."""

    def stop(self) -> None:
        """Stop it and remove what it left; does nothing when it is not ours."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A running server that another one depends on, and the endpoint of the resource that it is given there."""

    server: Server
    endpoint: Endpoint


class Provider(Protocol):
    """A way to get a service.

    Attributes:
        name: As in the settings and reports.
        builds_on: The providers whose servers one that is started here can reach; empty when nothing is started.
    """

    name: str
    builds_on: tuple[str, ...]

    def probe(self, service: Service, context: Context) -> str | None:
        """Say whether this provider is here, within a second: the version it would give, where it is known.

        Raises:
            Refused: It is not here, with the reason.
        """

    def obtain(self, service: Service, context: Context) -> Server:
        """Start or find the server, healthy; raises `Refused`."""


class CleanupRegistry(Protocol):
    """Registers what must be removed if this process is killed."""

    def add(self, **what: Any) -> str:
        """Register a cleanup entry; return its key for `drop`."""

    def drop(self, key: str) -> None:
        """Drop an entry, since the thing is gone."""

    def make_folder(self, what: str, base: Path) -> tuple[Path, str]:
        """Make a folder in `base`, for `what`, that only this user may enter; return it and its key for `drop`."""

    def process_folder(self, what: str) -> Path:
        """Return the temporary folder of this process for `what`, which is made at the first call and goes with it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a provider may use.

    Attributes:
        settings: The settings of the client that asks.
        env: The environment of the client that asks.
        owner: The mark of this process, for what we start; see `owner.MARK`.
        memo: Answers of this run.
        guard: Registers what must be removed if we are killed.
        progress: Called with a line for a person who waits.
        needs: The servers that the service depends on, by service.
        dedicated: How a dedicated server has to be; None for a shared one.
    """

    settings: Settings
    env: Mapping[str, str] = field(repr=False)
    owner: str
    memo: Memo
    guard: CleanupRegistry
    progress: Callable[[str], None]
    needs: Mapping[str, Dependency] = field(default_factory=dict)
    dedicated: Dedicated | None = None
