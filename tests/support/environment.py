"""What a person or a machine has set, and what tests must not depend on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.config.ci import OTHERS, SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CI", "ordinary_machine"]

CI = (SWITCH, *OTHERS)
"""By which a run is known to be one of a CI."""

_PREFIXES = ("CLICOLOR", "GIT_", "LC_", "PG")
_NAMES = (
    "COLORTERM",
    "COLUMNS",
    "DATABASE_URL",
    "FORCE_COLOR",
    "LANG",
    "LANGUAGE",
    "LINES",
    "NO_COLOR",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PYTEST_THEME",
    "PYTEST_THEME_MODE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "PY_COLORS",
    "REDIS_URL",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)
_GIT = {
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "core.autocrlf": "false",
    "core.hooksPath": os.devnull,
    "init.defaultBranch": "main",
}
"""What a person's own configuration of git may say otherwise; the rest of it, such as `safe.directory`, is needed."""


@pytest.fixture(scope="session", autouse=True)
def ordinary_machine() -> Iterator[None]:
    """Take away what drivers, terminals, git and children would read: PG*, colours, widths, languages, a umask.

    What configures the run itself, such as `CI` and `TEST_FRAMEWORK_…`, stays: `bare_env` is for tests of that.
    """
    umask = os.umask(0o022)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PREFIXES) or name in _NAMES:
                patch.delenv(name)
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("GIT_CONFIG_COUNT", str(len(_GIT)))
        for number, (key, value) in enumerate(_GIT.items()):
            patch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            patch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        yield
    os.umask(umask)
