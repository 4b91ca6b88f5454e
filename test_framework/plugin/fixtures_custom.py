"""The fixtures of custom services, made when the settings are known."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import BadSetting, CustomServiceSettings
from test_framework.plugin.session import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint


def custom_fixtures(settings: Settings) -> dict[str, str]:
    """Return the fixtures of custom services, each with its service; one with a class has isolated resources too."""
    found: dict[str, str] = {}
    for name, table in settings.services.items():
        if isinstance(table, CustomServiceSettings):
            found |= {name: name} | ({f"{name}_db": name} if table.factory else {})
    return found


def fixture_module(settings: Settings) -> ModuleType:
    """Return these fixtures as a plugin, which for pytest is a module."""
    plugin = ModuleType(__name__)
    for name, service in custom_fixtures(settings).items():
        setattr(plugin, name, _whole(name) if name == service else _part(name, service))
    return plugin


def _whole(name: str) -> Any:
    @pytest.fixture(scope="session", name=name)
    def whole(services: Mapping[str, Endpoint]) -> Endpoint:
        """The server of one of the project's own services: `.url`, `.provider`, `.version`."""
        return services[name]

    return whole


def _part(name: str, service: str) -> Any:
    @pytest.fixture(name=name)
    def resource(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
        """A part of that server for this test alone, from the class of the service."""
        server = request.getfixturevalue(service)
        with request.config.stash[KEY].lease.isolated(request, server) as found:
            yield found.endpoint

    return resource


def check_fixture_names(session: pytest.Session) -> None:
    """Refuse a service whose fixture would take the place of one of pytest's, or of ours.

    Raises:
        BadSetting: The message names the service, its table and the fixture.
    """
    settings = session.config.stash[KEY].settings
    for name, service in custom_fixtures(settings).items():
        for definition in session._fixturemanager.getfixturedefs(name, session) or ():  # noqa: SLF001  # no public way
            module = definition.func.__module__
            if module.startswith(("_pytest.", "test_framework.")) and module != __name__:
                source = settings.origin(next(k for k in settings.origins if k.startswith(f"services.{service}.")))
                owner = module.partition(".")[0].strip("_")
                wanted = f"a name that is free: {owner} already has a fixture {name}. Rename the service"
                raise BadSetting.value("service", service, source, wanted)
