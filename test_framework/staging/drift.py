"""Configuration drift: what is expected of a deployment, and what it says of itself at `/health/config`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from test_framework.reasons import Code
from test_framework.resolution import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings

    Told: TypeAlias = Mapping[str, Any]

_BACKEND = "STAGING_BACKEND_URL"
_FRONTEND = "STAGING_FRONTEND_URL"
_SERVERS = {"STAGING_POSTGRES_URL": "settings.database_url", "STAGING_REDIS_URL": "settings.redis_url"}
_REVISION = "schema.current"
_CLIENTS = "settings.oauth_clients"


def schema(told: Told, url: str) -> list[Reason]:
    """Return why the database is not at the revision that the deployed version needs."""
    if _at(told, _REVISION) is None:
        error = "the revision of its schema cannot be read"
        return [Reason.of(Code.DEPENDENCY_DOWN, url=url, dependency="database", error=error, source=_BACKEND)]
    return _differs(url, _REVISION, _at(told, _REVISION), _at(told, "schema.expected"), "the version that is deployed")


def expected(told: Told, url: str, settings: Settings) -> list[Reason]:
    """Return where the deployment has other settings than `expect` says; `not-configured` when that says nothing."""
    if not settings.expect:
        variables = "expect in [tool.test_framework], or TEST_FRAMEWORK_EXPECT"
        return [Reason.of(Code.NOT_CONFIGURED, what="what staging must say of itself", variables=variables)]
    by = settings.origin("expect")
    return [r for key, wanted in settings.expect.items() for r in _differs(url, key, _at(told, key), wanted, by)]


def addresses(told: Told, url: str, env: Mapping[str, str]) -> list[Reason]:
    """Return where the tests are told of another database, keyspace or frontend than the deployment.

    Hosts and ports may differ, since the deployment sees its servers from inside its network.
    """
    found = []
    for variable, key in _SERVERS.items():
        if given := env.get(variable):
            found += _differs(url, f"the name in {key}", _name(_at(told, key)), _name(given), variable)
    if given := env.get(_FRONTEND):
        clients = _at(told, _CLIENTS)
        known = {_origin(uri) for uris in clients.values() for uri in uris} if isinstance(clients, dict) else set()
        if _origin(given) not in known:
            found += _differs(url, _CLIENTS, ", ".join(sorted(known)) or "nothing", _origin(given), _FRONTEND)
    return found


def _differs(url: str, key: str, found: object, wanted: object, by: str) -> list[Reason]:
    if _text(found) == _text(wanted):
        return []
    both = {"found": _text(found), "wanted": _text(wanted)}
    return [Reason.of(Code.CONFIGURATION_DRIFT, url=url, key=key, expected_by=by, **both)]


def _at(told: Told, key: str) -> object:
    found: Any = told
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _name(url: object) -> str:
    """Return the database, or the number of the keyspace, that a URL names."""
    parts = urlsplit(str(url))
    name = parts.path.strip("/")
    return name or ("0" if parts.scheme.startswith("redis") else "")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
