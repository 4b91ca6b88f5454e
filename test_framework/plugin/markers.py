"""Markers: what a test says of itself, and what follows for the services it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

MARKERS = {
    "requires(*services)": "the services that the test uses without naming their fixtures",
    "real_services(*services)": "like requires; without names, all services of the tier",
    "docker_required": "its services must run on Docker",
    "gcp_required": "it needs credentials for Google Cloud in the environment",
    "staging": "its services must be those of staging",
    "staging_safe": "it may run against staging: it writes nothing, or cleans up what it writes",
    "connectivity_check": "it only looks whether something answers, so it may run against staging",
    "unit": "needs nothing but Python",
    "integration": "uses real services",
    "smoke": "says in seconds whether the system works at all",
    "e2e": "a whole journey through the system",
    "mission_critical": "what must never break",
    "performance": "measures",
}

FIXTURES = {
    "postgres": "postgres",
    "postgres_class_db": "postgres",
    "postgres_db": "postgres",
    "postgres_module_db": "postgres",
    "postgres_tx": "postgres",
    "redis": "redis",
    "redis_db": "redis",
    "clickhouse": "clickhouse",
    "clickhouse_db": "clickhouse",
}
"""Fixtures that stand for a service."""

UNDER_TEST = "system_under_test"
"""The fixture that stands for the service that `[tool.test_framework.e2e]` names."""

_SAFE = ("staging_safe", "connectivity_check")
_CONDITIONS = ("docker_required", "gcp_required", "staging")
_WANTED = {"docker_required": "docker", "staging": "staging"}
_NAMING = ("requires", "real_services")


def register(config: pytest.Config) -> None:
    """Register them all, for `--strict-markers`."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def needs(item: pytest.Item, tier_services: tuple[str, ...], fixtures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the services that a test uses, by its fixtures (also those of its fixtures) and by its markers.

    `fixtures` are those that stand for a service: `FIXTURES`, and those of the project's own services.
    """
    used = getattr(item, "fixturenames", ())
    found = dict.fromkeys(fixtures[name] for name in used if name in fixtures and _is_ours(item, name))
    for marker in _naming(item):
        named = marker.args or (tier_services if marker.name == "real_services" else ())
        found |= dict.fromkeys(named)
    return tuple(found)


def _is_ours(item: pytest.Item, name: str) -> bool:
    """Whether a fixture is the plugin's, and not one that the project has put in its place."""
    known = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]  # noqa: SLF001  # no public way tells it
    for definition in reversed(known.get(name, ())):
        if definition.func.__module__.startswith("test_framework.plugin.fixtures"):
            return True
        # One that takes the place of another may ask for that.
        if name not in definition.argnames:
            return False
    return False


def _naming(item: pytest.Item) -> Iterator[pytest.Mark]:
    """Yield the markers that name services."""
    return (marker for marker in item.iter_markers() if marker.name in _NAMING)


def check(item: pytest.Item, known: tuple[str, ...]) -> None:
    """Refuse a marker that names no service; `known` are those there are.

    Raises:
        BadSetting: The message names the marker, the test and the choices.
    """
    for marker in _naming(item):
        where = f"@pytest.mark.{marker.name} of {item.nodeid}"
        if marker.kwargs or (marker.name == "requires" and not marker.args):
            raise BadSetting(f"{where} takes the names of services: {', '.join(known)}.")
        for name in marker.args:
            if name not in known:
                raise BadSetting.unknown("service", str(name), where, known)


def is_safe(item: pytest.Item) -> bool:
    """Whether the test may run against staging."""
    return any(marker.name in _SAFE for marker in item.iter_markers())


def states_condition(item: pytest.Item) -> bool:
    """Whether the test states a condition beside its services."""
    return any(marker.name in _CONDITIONS for marker in item.iter_markers())


def wanted_provider(item: pytest.Item) -> str | None:
    """Return the only provider that the test accepts."""
    wanted = {_WANTED[marker.name] for marker in item.iter_markers() if marker.name in _WANTED}
    return min(wanted, default=None)
