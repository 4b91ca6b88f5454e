"""What the environment says to testcontainers, checked before it reads it: it would raise what Python does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from test_framework.providers.docker import logins
from test_framework.providers.docker.probe import home_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.logins import LoginSource

_HOST = re.compile(r"[\w.:%\[\]-]*")
_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "TC_MAX_TRIES": (re.compile(r"\d+"), "a whole number"),
    "TC_POOLING_INTERVAL": (re.compile(r"\d+(\.\d*)?|\.\d+"), "a number of seconds"),
    "TESTCONTAINERS_CONNECTION_MODE": (
        re.compile("bridge_ip|gateway_ip|docker_host|"),
        "one of bridge_ip, gateway_ip, docker_host",
    ),
    "TC_HOST": (_HOST, "a name or an address"),
    "TESTCONTAINERS_HOST_OVERRIDE": (_HOST, "a name or an address"),
}
"""What each variable has to be that means anything here; its reaper's do not, since we start none."""


def check(env: Mapping[str, str]) -> list[LoginSource]:
    """Return where logins for registries are, once all that testcontainers and the SDK will read can be read.

    Raises:
        Refused: `bad-docker-setting`, which names the variable or the file.
    """
    for name, (form, wanted) in _FORMS.items():
        value = env.get(name)
        if value is not None and not form.fullmatch(value.strip()):
            raise logins.bad_setting(name, f"{value!r} is not {wanted}")
    return logins.sources(env, home_of(env))
