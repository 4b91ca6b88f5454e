"""Whether the variables of staging fit together: all that is needed when one is set. Their values are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.reach import AmbiguousURL, check_allowed, parse_url
from test_framework.resolution import Refused
from test_framework.staging import URLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BACKEND = "STAGING_BACKEND_URL"
_BESIDE = ("STAGING_AUTH_URL", "STAGING_WEBSOCKET_URL", "STAGING_FRONTEND_URL")
_TOKEN, _USER, _PASSWORD = "STAGING_TOKEN", "STAGING_USERNAME", "STAGING_PASSWORD"  # names, no secrets
_OTHERS = (_TOKEN, _USER, _PASSWORD, "STAGING_CA_BUNDLE")


def faults(env: Mapping[str, str], services: Iterable[str] = (), allowed_hosts: Iterable[str] = ()) -> Iterator[str]:
    """Yield what is wrong, as one clause each; nothing when no variable is set.

    Args:
        env: The environment.
        services: Names of the project's services: each has a variable, those of its own too.
        allowed_hosts: Hosts outside of this machine that may be reached, as patterns.
    """
    given = {name for name, value in env.items() if name.startswith("STAGING_") and value}
    urls = {*URLS, *(f"STAGING_{name.upper()}_URL" for name in services)}
    yield from (f"{name} is not a staging variable" for name in sorted(given.difference(urls, _OTHERS)))
    for name in sorted(given.intersection(urls)):
        if not _is_url(env[name]):
            yield f"{name} is not a URL with a host"
        elif wrong := _why_not_allowed(env[name], name, allowed_hosts, env):
            yield wrong
    if _BACKEND not in given:
        yield from (f"{name} is set, but {_BACKEND} is not" for name in _BESIDE if name in given)
    if _USER in given and _PASSWORD not in given:
        yield f"{_USER} is set, but {_PASSWORD} is not"
    elif _PASSWORD in given and _USER not in given:
        yield f"{_PASSWORD} is set, but {_USER} is not"
    elif _BACKEND in given and not given & {_TOKEN, _USER}:
        yield f"{_BACKEND} is set, but there is no login: {_TOKEN}, or {_USER} and {_PASSWORD}"


def _why_not_allowed(url: str, name: str, allowed_hosts: Iterable[str], env: Mapping[str, str]) -> str:
    """Return why nothing may be sent to an address: credentials go there."""
    try:
        check_allowed(parse_url(url, env), name, allowed_hosts)
    except AmbiguousURL as error:
        return f"{name} is no usable address: {error}"
    except Refused as refused:
        return refused.reason.message
    return ""


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.scheme and parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
