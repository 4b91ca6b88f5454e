"""The stack's passwords and URLs: a file that a shell can load and only its owner can read."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import inputs
from test_framework.atomic import replace_file
from test_framework.redaction import KNOWN, SECRET_NAME
from test_framework.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "CLICKHOUSE_PASSWORD")
"""Those of the servers that everybody has."""

_VARIABLE = re.compile(r"\$\{(\w+)")


class Variables:
    """The file of one project.

    Args:
        project: Its name.
        env: The environment of the person who asks.
        compose: The compose file: a variable in it that has the name of a secret and is not set gets a random one.
    """

    def __init__(self, project: str, env: Mapping[str, str], compose: Path) -> None:
        self._secrets = _SECRETS
        with suppress(OSError, ValueError):  # compose itself says what is wrong with its file
            found = [name for name in _VARIABLE.findall(inputs.read_text(compose)) if SECRET_NAME.fullmatch(name)]
            self._secrets = tuple(dict.fromkeys((*_SECRETS, *(name for name in found if not env.get(name)))))
        state = Path(env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home()) / ".local/state")
        self.path = state / "test-framework" / f"stack-{project}.env"

    def read(self) -> dict[str, str]:
        """Return what is in it; nothing where there is none."""
        with suppress(FileNotFoundError):
            return self._known(dict(line.split("=", 1) for line in inputs.read_text(self.path).splitlines()))
        return {}

    def secrets(self) -> dict[str, str]:
        """Return the secrets in it, and new ones where there are none."""
        known = self.read()
        return self._known({name: known.get(name) or secrets.token_urlsafe(32) for name in self._secrets})

    def write(self, values: Mapping[str, str]) -> None:
        """Replace what is in it; values are such that a shell reads them as they are.

        Raises:
            StackError: The folder cannot be written.
        """
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self.path, "".join(f"{name}={value}\n" for name, value in values.items()).encode(), mode=0o600)
        except OSError as error:
            raise StackError(f"{folder} cannot be written: {error}. Set XDG_STATE_HOME to a folder that can") from error

    def remove(self) -> None:
        """Remove it, if it is there."""
        self.path.unlink(missing_ok=True)

    def _known(self, values: dict[str, str]) -> dict[str, str]:
        """Return the variables, with their secrets known, so that nothing that compose says shows them."""
        for name in self._secrets:
            KNOWN.add(values.get(name, ""))
        return values
