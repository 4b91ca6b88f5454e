"""What the template of a database names: SQL files, and callables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting

if TYPE_CHECKING:
    from test_framework.config.model import Settings


def is_callable(entry: str) -> bool:
    """Whether an entry of a template is `package.module:callable`; else it is a file."""
    return ":" in entry and not entry.endswith(".sql")


def refuse_missing_files(settings: Settings) -> None:
    """Refuse a template whose file is not there, before a server is started for it.

    Raises:
        BadSetting: It names the file and the setting.
    """
    for name, table in settings.services.items():
        for entry in table.template:
            if not is_callable(entry) and not (settings.root / entry).is_file():
                source = settings.origin(f"services.{name}.template")
                raise BadSetting(f"template file {entry!r} of {name} in {source} does not exist below {settings.root}.")
