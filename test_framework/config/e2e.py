"""The table of end-to-end tests: what its values must be together with the rest of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.config.fields import parse
from test_framework.config.model import PATHS, BadSetting

if TYPE_CHECKING:
    from test_framework.config.model import Settings

_FIELDS = {"messages": ("thread",)}


def check(settings: Settings) -> None:
    """Refuse a service that is not there, and paths that nobody asks for or that lead nowhere.

    Raises:
        BadSetting: It names the value, where it came from, and the choices.
    """
    table = settings.e2e
    if table.service and table.service not in settings.services:
        where = f"e2e.service, {settings.origin('e2e.service')}"
        raise BadSetting.unknown("service", table.service, where, settings.services)
    source = settings.origin("e2e.paths")
    for name, path in table.paths.items():
        if name not in PATHS:
            raise BadSetting.unknown("path", name, f"paths, {source}", PATHS)
        if not path.startswith("/"):
            raise BadSetting.value(f"paths.{name}", path, source, "a path that starts with /")
        known = _FIELDS.get(name, ())
        lacks = set(known).difference(field for _, field in parse(path, f"paths.{name} in {source}", known) if field)
        if lacks:
            raise BadSetting.value(f"paths.{name}", path, source, f"a path that contains {{{', '.join(lacks)}}}")
