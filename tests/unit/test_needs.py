"""What a server may depend on: by provider, by place, and in which words it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from test_framework import providers, services
from test_framework.config import load
from test_framework.providers._external import ExternalServer
from test_framework.resolution import Attempt, Code, Endpoint, Reason, Refused, Resolution
from test_framework.supervisor.guard import Guard
from test_framework.supervisor.managed import Checkout, ManagedServer
from test_framework.supervisor.needs import resolve_needs
from test_framework.supervisor.resolver import Resolver, _Key
from test_framework.supervisor.run import Run
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.contracts import Service

TIMEOUT = Reason.of(Code.CONNECT_TIMEOUT, host="h", port=1, seconds=1, source="X")


SHOP = """
[tool.test_framework.services.shop]
url_format = "http://{host}:{port}"
image = "shop:1"
port = 80
command = ["shopd", "{port}"]
needs = ["postgres", "redis"]
"""


class Resolved:
    """Gives each service on the first provider asked for, at an address; or a reason for all. Remembers the wants."""

    def __init__(self, url: str = "redis://127.0.0.1:1", reason: Reason | None = None, remote: str = "") -> None:
        self.url, self.reason, self.remote = url, reason, remote
        self.wants: list[ServiceRequest] = []

    def __call__(self, _: Run, service: Service, want: ServiceRequest) -> tuple[Resolution, ManagedServer | None]:
        """Return the answer."""
        self.wants.append(want)
        if self.reason or not want.order:
            told = tuple(Attempt(provider, self.reason, 0, "its log") for provider in want.order)
            return Resolution(want.service, None, told), None
        endpoint = Endpoint(want.service, want.order[0], self.url, "1", remote=self.remote)
        server = ManagedServer(service, ExternalServer(endpoint))
        return Resolution(want.service, endpoint, (Attempt(want.order[0], None, 0),)), server


def needed(folder: Path, provider: str, resolved: Resolved, **env: str) -> dict[str, ManagedServer]:
    """Resolve what a service of the project's own needs on a provider."""
    (folder / "pyproject.toml").write_text(SHOP, encoding="utf-8")
    run = Run("run", load(folder, env), env)
    want = ServiceRequest.of("shop", run.settings, "e2e")
    return resolve_needs(services.get("shop", run.settings), providers.get(provider), want, run, resolved)


@pytest.mark.parametrize(
    ("provider", "order"), [("embedded", ("explicit", "docker", "embedded")), ("docker", ("docker",))]
)
def test_only_what_it_can_reach_is_asked(tmp_path: Path, provider: str, order: tuple[str, ...]) -> None:
    """A container reaches containers, a process what this machine has; and in the order of the settings."""
    resolved = Resolved()
    assert list(needed(tmp_path, provider, resolved)) == ["postgres", "redis"]
    assert [(w.service, w.order, w.tier) for w in resolved.wants] == [
        ("postgres", order, "e2e"),
        ("redis", order, "e2e"),
    ]


@pytest.mark.parametrize("provider", ["explicit", "staging"])
def test_what_somebody_else_runs_needs_nothing(tmp_path: Path, provider: str) -> None:
    """It has what it needs, wherever that is."""
    resolved = Resolved()
    assert needed(tmp_path, provider, resolved) == {}
    assert resolved.wants == []


def test_the_first_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """Its own reason is in the message, and nothing more is asked."""
    resolved = Resolved(reason=TIMEOUT)
    with pytest.raises(Refused) as refused:
        needed(tmp_path, "docker", resolved)
    reason = refused.value.reason
    assert reason.code is Code.DEPENDENCY_UNAVAILABLE
    assert reason.message == f"shop on docker needs postgres, which is unavailable: connect-timeout: {TIMEOUT.message}"
    assert reason.remedy == f"Provide postgres first. {TIMEOUT.remedy}"
    assert len(resolved.wants) == 1


def test_what_is_broken_breaks_it(tmp_path: Path) -> None:
    """With the log of what is broken."""
    broken = Reason.of(Code.START_FAILED, service="postgres", provider="docker", error="exited 1")
    with pytest.raises(Refused) as refused:
        needed(tmp_path, "docker", Resolved(reason=broken))
    assert (refused.value.reason.code, refused.value.log) == (Code.DEPENDENCY_BROKEN, "its log")


def test_a_server_of_another_machine_is_not_written_to(tmp_path: Path) -> None:
    """What we start writes: it gets no address of somebody else's, even where tests may read there."""
    resolved = Resolved("redis://db.example.org:1", remote="db.example.org")
    with pytest.raises(Refused) as refused:
        needed(tmp_path, "embedded", resolved, TEST_FRAMEWORK_PROVIDERS="explicit,embedded")
    reason = refused.value.reason
    assert reason.code is Code.DEPENDENCY_UNAVAILABLE
    assert "destructive: " in reason.message
    assert "db.example.org" in reason.message


@dataclass(frozen=True)
class Noted(ExternalServer):
    """Notes when it is stopped."""

    stopped: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """Note it."""
        self.stopped.append(self.endpoint.service)


def test_what_stands_above_is_stopped_first(tmp_path: Path) -> None:
    """So nothing hears that what it depends on has gone, in whichever order they were started."""
    (tmp_path / "pyproject.toml").write_text(SHOP, encoding="utf-8")
    settings, stopped = load(tmp_path, {}), list[str]()
    service, below = services.get("shop", settings), tuple[Checkout, ...]()
    resolver = Resolver(tmp_path, Guard())
    for name in ("lowest", "middle", "highest"):
        endpoint = Endpoint(name, "embedded", "http://127.0.0.1:1", None)
        server = ManagedServer(service, Noted(endpoint, stopped=stopped), below)
        databases = server.databases(settings, tmp_path)
        below = (Checkout(server, databases.checkout((), "run", {}, skip_template=True), databases),)
        resolver._servers[_Key(name, "embedded", "")] = server
    resolver.close()
    assert stopped == ["highest", "middle", "lowest"]
