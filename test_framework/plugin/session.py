"""The run's hold on services: asks for what a test needs, and says why when it cannot be had."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from _pytest.outcomes import Skipped

from test_framework.config import BadSetting, Settings
from test_framework.plugin import markers
from test_framework.plugin.options import Overrides, tier_of
from test_framework.reasons import Code
from test_framework.verdict import Endpoint, Reason, Refused, Resolution

if TYPE_CHECKING:
    from test_framework.supervisor.client import Client

__all__ = ["KEY", "STATE", "ReasonedSkip", "Services", "TestState"]


class ReasonedSkip(Skipped):
    """A skip that carries its reason, for the report; raise it in a test for a reason of the catalogue."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_told(reason), _use_item_location=True)
        self.reason = reason


# pytest prints the class of what it catches, but for its own; a person is to read "Skipped: …" here too.
ReasonedSkip.__module__, ReasonedSkip.__name__, ReasonedSkip.__qualname__ = "builtins", "Skipped", "Skipped"


@dataclass
class TestState:
    """What is known of one test while it runs; the recorder sends it with the reports."""

    __test__ = False

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    failed: bool = False
    kept: list[str] = field(default_factory=list)


class Services:
    """One per pytest process; workers of a run share its id, and so its verdicts and its servers."""

    def __init__(self, settings: Settings, overrides: Overrides, tier: str | None, run: str, *, strict: bool) -> None:
        self.settings = settings
        self.tier = tier
        self.run = run
        self.resolutions: dict[str, Resolution] = {}
        self.current: tuple[pytest.Item, TestState] | None = None
        self.say: Callable[[str], None] = lambda _: None
        self._overrides = overrides
        self._strict = strict
        self._client: Client | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> Client:
        """The lease, taken on first use."""
        with self._lock:
            if self._client is None:
                from test_framework.supervisor.client import connect

                self._client = connect(self.settings, self._overrides, self.run, self._pass_on)
            return self._client

    def _pass_on(self, text: str) -> None:
        """Say it by whatever says things now: the terminal comes to be after us."""
        self.say(text)

    def warm(self) -> None:
        """Begin to start what the tier needs, in the background, while pytest collects."""
        names = self.settings.tier(self.tier).services if self.tier else ()
        if names:
            threading.Thread(target=self._warm, args=(names,), daemon=True, name="warm services").start()

    def _warm(self, names: Iterable[str]) -> None:
        from test_framework.supervisor.client import SupervisorLost

        try:
            self.client.warm([self._want(name) for name in names])
        except (SupervisorLost, BadSetting, OSError):
            # The first test that needs a service asks again, and there it can be told.
            self._client = None

    def close(self) -> None:
        """End the lease."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _want(self, name: str) -> Any:
        from test_framework.supervisor.wire import Want

        order, source = self.settings.order(name, self.tier)
        return Want(name, order, source if source != "the default" else "the default order of providers")

    def resolve(self, name: str) -> Resolution:
        """Resolve a service, once in this process."""
        if name not in self.resolutions:
            self.resolutions[name] = self.client.resolve(self._want(name))
        return self.resolutions[name]

    def prepare(self, item: pytest.Item, state: TestState) -> None:
        """Have everything that the test needs, or end it: by a skip when unavailable, by a failure when broken."""
        self.current = (item, state)
        tier = self.tier or tier_of(item.path, self.settings)
        needed = markers.needs(item, self.settings.tier(tier).services if tier else ())
        if reason := self._condition(item, needed):
            self._end(reason)
        if needed:
            self._have(needed)

    def _have(self, needed: tuple[str, ...]) -> None:
        from test_framework.supervisor.client import SupervisorLost

        try:
            for name in needed:
                self.endpoint(name)
            for refused in self.client.dead(needed):
                self._fail(refused.reason, refused.log)
        except (SupervisorLost, BadSetting) as error:
            _stop(str(error))

    def _condition(self, item: pytest.Item, needed: tuple[str, ...]) -> Reason | None:
        """Return why a condition that the test states, beside its services, does not hold."""
        from test_framework.plugin import conditions

        if item.get_closest_marker("gcp_required") and (reason := conditions.google_cloud()):
            return reason
        wanted = None if needed else markers.wanted_provider(item)
        if wanted in self.settings.disabled:
            return Reason.of(Code.PROVIDER_DISABLED, provider=wanted, source=self.settings.origin("disabled"))
        if wanted == "staging":
            from test_framework.staging import configured

            return configured(os.environ)
        return conditions.docker() if wanted == "docker" else None

    def endpoint(self, name: str) -> Endpoint:
        """Return the service for the test that runs, or end the test."""
        assert self.current is not None, "a service is asked for outside of a test"
        item, state = self.current
        resolution = self.resolve(name)
        if resolution.broken:
            reason = resolution.broken.reason
            assert reason is not None
            self._fail(reason, resolution.broken.log)
        endpoint = resolution.endpoint
        if endpoint is None:
            assert resolution.reason is not None
            self._end(_with_all(resolution, resolution.reason))
        wanted = markers.wanted_provider(item)
        if wanted and endpoint.provider != wanted:
            self._end(self._other_provider(resolution, wanted))
        remote = endpoint.provider == "staging" or (endpoint.provider == "explicit" and not endpoint.local)
        if remote and not markers.is_safe(item):
            told = {"service": name, "provider": endpoint.provider, "host": endpoint.host}
            self._end(Reason.of(Code.DESTRUCTIVE, **told))
        state.endpoints[name] = endpoint
        return endpoint

    def _other_provider(self, resolution: Resolution, wanted: str) -> Reason:
        """Return why the service does not run on the provider that the test insists on."""
        for attempt in resolution.attempts:
            if attempt.provider == wanted and attempt.reason:
                return attempt.reason
        used = resolution.endpoint.provider if resolution.endpoint else "nothing"
        source = f"the order of providers, in which {used} came first for {resolution.service}"
        return Reason.of(Code.PROVIDER_DISABLED, provider=wanted, source=source)

    def _end(self, reason: Reason) -> NoReturn:
        if self._strict:
            _stop(_told(reason))
        raise ReasonedSkip(reason)

    def _fail(self, reason: Reason, log: str) -> NoReturn:
        lines = [_told(reason)]
        if log.strip():
            lines += ["", "The end of the server's log:", log.rstrip()]
        _stop("\n".join(lines))

    def checkout(self, name: str) -> tuple[str, Endpoint]:
        """Return a fresh part of a service that the running test has."""
        from test_framework.supervisor.client import SupervisorLost

        try:
            return self.client.checkout(name)
        except Refused as refused:
            self._fail(refused.reason, refused.log)
        except (SupervisorLost, BadSetting) as error:
            _stop(str(error))

    def give_back(self, part: str, endpoint: Endpoint, state: TestState) -> None:
        """Give it back; that of a failed test is kept for as long as the servers stay warm."""
        from test_framework.supervisor.client import SupervisorLost

        keep = state.failed and self.settings.supervisor and self.settings.idle_seconds > 0
        try:
            self.client.give_back(part, keep=keep)
        except SupervisorLost:
            return
        if keep:
            state.kept.append(f"{endpoint.service} {endpoint.safe_url}")


def _stop(text: str) -> NoReturn:
    """Fail the test with these words alone, and not with what was being handled when they were said."""
    raise pytest.fail.Exception(text, pytrace=False) from None


def _with_all(resolution: Resolution, reason: Reason) -> Reason:
    """Add to the reason what every other provider said."""
    others: dict[str, list[str]] = {}
    for attempt in resolution.attempts:
        if attempt.reason and attempt.reason is not reason:
            off = attempt.reason.code is Code.PROVIDER_DISABLED
            why = attempt.reason.message.removeprefix(f"{attempt.provider} is ") if off else attempt.reason.code
            others.setdefault(why, []).append(attempt.provider)
    told = "; ".join(f"{', '.join(names)}: {why}" for why, names in others.items())
    note = f" [{told}]" if told else ""
    return Reason(reason.code, f"{resolution.service}: {reason.message}{note}", reason.remedy, reason.kind)


def _told(reason: Reason) -> str:
    return f"{reason.code}: {reason.message}. {reason.remedy}"


KEY = pytest.StashKey[Services]()
STATE = pytest.StashKey[TestState]()
