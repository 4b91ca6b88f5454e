"""What this machine has, what each tier would run on here, and how to get more. Starts nothing."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from test_framework import owner, providers, services
from test_framework.config.values import names
from test_framework.contracts import Context, Service
from test_framework.memo import Memo
from test_framework.providers.embedded import PROVIDER as EMBEDDED
from test_framework.reach.libpq import ignore_libpq_variables
from test_framework.reasons import Code
from test_framework.resolution import Attempt, Reason, Refused, most_telling
from test_framework.resolve import dependency_reason, usable_for_dependencies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from test_framework.config import Settings


@dataclass(frozen=True, slots=True)
class ServiceFinding:
    """One service: what every provider says here; those that would be tried come first, in their order."""

    service: str
    order: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    versions: Mapping[str, str | None]

    def choice(self, order: tuple[str, ...]) -> tuple[str | None, Reason | None]:
        """Return the provider that this order leads to, else the reason to say first."""
        said = {a.provider: a.reason for a in self.attempts}
        tried = [p for p in order if p in said]
        for provider in tried:
            reason = said[provider]
            if reason is None:
                return provider, None
            if reason.broken:
                return None, reason
        return None, most_telling(said[p] for p in tried)

    def to_json(self) -> dict[str, Any]:
        """Return the part of `doctor --json` for this service."""
        provider, _ = self.choice(self.order)
        version = self.versions.get(provider) if provider else None
        return {"provider": provider, "version": version, "attempts": [a.to_json() for a in self.attempts]}


@dataclass(frozen=True, slots=True)
class TierFinding:
    """One tier: what its services would run on, or why it would not run."""

    tier: str
    on: Mapping[str, str]
    reason: Reason | None

    def to_json(self) -> dict[str, Any]:
        """Return the part of `doctor --json` for this tier."""
        reason = self.reason.to_json() if self.reason else None
        return {"runs": self.reason is None, "on": dict(self.on), "reason": reason}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All services and all tiers that have tests here."""

    services: tuple[ServiceFinding, ...]
    tiers: tuple[TierFinding, ...]
    fetches: Mapping[str, str] = field(default_factory=dict)
    """For a service, the server that would be downloaded, how large it is, and how to get it."""

    def to_json(self) -> dict[str, Any]:
        """Return what `doctor --json` prints."""
        return {
            "services": {s.service: s.to_json() for s in self.services},
            "tiers": {t.tier: t.to_json() for t in self.tiers},
        }


def examine(settings: Settings, env: Mapping[str, str]) -> Diagnosis:
    """Ask every provider for every service, side by side, each within its own bound.

    Args:
        settings: The project's settings.
        env: The environment.
    """
    # The variables of libpq are taken away while servers are asked, and what is asked for them still sees them.
    context = Context(settings, dict(env), owner.MARK, Memo(), _NoCleanup(), lambda _: None)
    with ignore_libpq_variables(), ThreadPoolExecutor() as pool:
        there = [services.get(name, settings) for name in settings.service_names]
        found = tuple(pool.map(lambda service: _service(service, settings, context, pool), there))
    by_name = _judged({s.service: s for s in found}, {service.name: service for service in there}, settings)
    found = tuple(by_name[s.service] for s in found)
    tiers = [t for t in settings.tiers if all((settings.root / p).exists() for p in settings.tiers[t].paths)]
    tried = [service for service in there if "embedded" in settings.order(service.name)[0]]
    fetches = {service.name: told for service in tried if (told := EMBEDDED.would_fetch(service, context))}
    tiers_found = tuple(_tier(t, settings, by_name, env) for t in tiers if settings.tiers[t].paths)
    return Diagnosis(found, tiers_found, fetches)


def services_in_use(settings: Settings) -> tuple[str, ...]:
    """Return the services that the project names in its settings or in the test files of its tiers; all if none.

    A file names a service by a fixture, a marker, a package or a variable that begins with the service's name.
    """
    named = {name for name in settings.service_names if any(key.startswith(_keys(name)) for key in settings.origins)}
    for tier, table in settings.tiers.items():
        named |= set(table.services) if f"tiers.{tier}.services" in settings.origins else set()
    unknown = [name for name in settings.service_names if name not in named]
    folders = {settings.root / path for table in settings.tiers.values() for path in table.paths}
    files = [settings.root / "conftest.py", *(file for folder in sorted(folders) for file in folder.rglob("*.py"))]
    for file in files if unknown else ():
        with suppress(OSError):
            text = file.read_text(encoding="utf-8", errors="replace").lower()
            named.update(name for name in unknown if re.search(rf"(?<![a-z]){name}", text))
    return tuple(name for name in settings.service_names if name in named) or settings.service_names


def _keys(service: str) -> str:
    return f"services.{service}."


class _NoCleanup:
    """Nothing is started, so there is nothing to clean."""

    def add(self, **_: Any) -> str:
        """Never called by a probe."""
        raise AssertionError("a probe started something")

    def drop(self, key: str) -> None:
        """Never called by a probe."""

    def make_folder(self, *_: object, **__: object) -> tuple[Path, str]:
        """Never called by a probe."""
        raise AssertionError("a probe started something")

    def process_folder(self, what: str) -> Path:  # noqa: ARG002  # see `CleanupRegistry`
        """Never called by a probe."""
        raise AssertionError("a probe started something")


def _service(service: Service, settings: Settings, context: Context, pool: ThreadPoolExecutor) -> ServiceFinding:
    order, source = settings.order(service.name)
    everyone = (*order, *(p for p in names("providers") if p not in order))

    def ask(provider: str) -> tuple[Attempt, str | None]:
        if provider in settings.disabled:
            return Attempt.switched_off(provider, settings.origin("disabled")), None
        if not any(provider in settings.order(service.name, tier)[0] for tier in (None, *settings.tiers)):
            return Attempt.switched_off(provider, source), None
        return _timed(provider, lambda: providers.get(provider).probe(service, context))

    answers = [future.result() for future in [pool.submit(ask, p) for p in everyone]]
    versions = {attempt.provider: version for attempt, version in answers}
    return ServiceFinding(service.name, order, tuple(a for a, _ in answers), versions)


def _judged(
    alone: Mapping[str, ServiceFinding], there: Mapping[str, Service], settings: Settings
) -> dict[str, ServiceFinding]:
    """Return what the providers say of each service and of all that it depends on, by service."""
    judged: dict[str, ServiceFinding] = {}

    def judge(name: str) -> None:
        if name not in judged:
            for needed in there[name].needs:
                judge(needed)
            judged[name] = _with_needs(alone[name], there[name], settings, judged)

    for name in alone:
        judge(name)
    return judged


def _with_needs(
    finding: ServiceFinding, service: Service, settings: Settings, found: Mapping[str, ServiceFinding]
) -> ServiceFinding:
    """Add to what the providers say of a service what is `found` of those that it depends on."""

    def judged(attempt: Attempt) -> Attempt:
        builds_on = providers.get(attempt.provider).builds_on
        for name in service.needs if builds_on and not attempt.reason else ():
            order = tuple(p for p in settings.order(name)[0] if p not in settings.disabled)
            chosen, reason = found[name].choice(usable_for_dependencies(order, builds_on))
            if chosen is None:
                reason = reason or Attempt.switched_off(builds_on[-1], settings.order(name)[1]).reason
                if reason:
                    return replace(attempt, reason=dependency_reason(service.name, attempt.provider, name, reason))
        return attempt

    return replace(finding, attempts=tuple(judged(a) for a in finding.attempts))


def _timed(provider: str, ask: Callable[[], str | None]) -> tuple[Attempt, str | None]:
    begin = time.monotonic()
    try:
        version = ask()
    except Refused as refused:
        return Attempt(provider, refused.reason, time.monotonic() - begin), None
    return Attempt(provider, None, time.monotonic() - begin), version


def _tier(name: str, settings: Settings, found: Mapping[str, ServiceFinding], env: Mapping[str, str]) -> TierFinding:
    tier = settings.tiers[name]
    on: dict[str, str] = {}
    failed: Reason | None = None
    for service in tier.services:
        order = tuple(p for p in settings.order(service, name)[0] if p not in settings.disabled)
        provider, reason = found[service].choice(order)
        if provider and tier.require and provider not in tier.require:
            source = f"the tier's require = {list(tier.require)}, but {provider} comes first in its provider order"
            reason = Reason.of(Code.PROVIDER_DISABLED, provider=provider, source=source)
        elif provider:
            on[service] = provider
            continue
        if failed is None:
            failed = reason
    if tier.providers == ("staging",) and not tier.services:
        from test_framework.staging import configured

        failed = configured(env)
    return TierFinding(name, on, failed)
