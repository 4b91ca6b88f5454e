"""Makes a service by the class that its table in the settings names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting
from test_framework.contracts import Service
from test_framework.references import import_reference
from test_framework.resolution import Refused

if TYPE_CHECKING:
    from test_framework.config import Settings
    from test_framework.config.custom import CustomServiceSettings


def service_from_class(name: str, table: CustomServiceSettings, settings: Settings) -> Service:
    """Return the service that the user's own class makes of its name and its table.

    Raises:
        BadSetting: The class is not there, raises, or what it makes is no service.
    """
    key = f"services.{name}.class"
    source = settings.origin(key)
    where = f"class = {table.factory!r} in {source}"
    try:
        factory = import_reference(table.factory, "class", source, settings.root)
    except Refused as refused:
        # Every provider needs it, so that there is none to go on to.
        raise BadSetting(f"{where} cannot be imported: {refused.reason.message}. {refused.reason.remedy}.") from refused
    try:
        made: Service = factory(name, table)
    except Exception as error:
        why = f"called with a name and a table it raises {type(error).__name__}: {error}"
        raise BadSetting(f"{where} makes no service: {why}.") from error
    if hasattr(made, "divides"):
        raise BadSetting(
            f"{where} has `divides`, whose name is `supports_isolation` now; see custom services in the docs."
        )
    wanted = [n for n in (*Service.__annotations__, *vars(Service)) if not n.startswith("_")]
    if missing := [n for n in wanted if not hasattr(made, n)]:
        what = f"what it makes has no {', '.join(missing)}; test_framework.services.CustomService has them all"
        raise BadSetting(f"{where} makes no service: {what}.")
    if tuple(made.needs) != table.needs:
        # The settings are looked through for circles before any class is there.
        what = f"what it makes needs {', '.join(made.needs) or 'nothing'}; that stands in the table, as needs"
        raise BadSetting(f"{where} makes no service: {what}.")
    return made
