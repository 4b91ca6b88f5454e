"""What this process needs, asked for real, each within its time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

from reference_backend import __version__
from reference_backend.resources import Resources
from reference_backend.storage import schema

__all__ = ["Check", "checks", "configuration"]

Status = Literal["ok", "down", "not_configured"]

_PACKAGES = ("fastapi", "uvicorn", "websockets", "psycopg", "redis", "pyjwt", "pydantic", "alembic")


@dataclass(frozen=True, slots=True)
class Check:
    """How one dependency is, as the backend sees it."""

    status: Status
    required: bool
    latency_ms: float | None
    reason: str | None
    version: str | None

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class _NotConfigured(Exception):
    """There is none, and none is needed."""


@dataclass(frozen=True, slots=True)
class _Dependency:
    """What to ask, and whether the backend can do without; the answer is a version and something to say."""

    required: bool
    ask: Callable[[Resources], Awaitable[tuple[str | None, str | None]]]


async def checks(resources: Resources) -> dict[str, Check]:
    """Ask all dependencies at once."""
    asked = {
        "database": _Dependency(required=True, ask=_database),
        "cache": _Dependency(required=True, ask=_cache),
        "analytics": _Dependency(required=False, ask=_analytics),
        "language_model": _Dependency(required=True, ask=_language_model),
    }
    found = await asyncio.gather(*(_check(resources, dependency) for dependency in asked.values()))
    return dict(zip(asked, found, strict=True))


async def _check(resources: Resources, dependency: _Dependency) -> Check:
    seconds = resources.settings.health_timeout_seconds
    begin = time.perf_counter()
    status: Status = "ok"
    found: str | None = None
    try:
        async with asyncio.timeout(seconds):
            found, reason = await dependency.ask(resources)
    except _NotConfigured as none:
        return Check("not_configured", dependency.required, None, str(none), None)
    except TimeoutError:
        status, reason = "down", f"no answer within {seconds:g} s"
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the reason
        status, reason = "down", " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return Check(status, dependency.required, round((time.perf_counter() - begin) * 1000, 2), reason, found)


async def _database(resources: Resources) -> tuple[str | None, str | None]:
    async with resources.database.transaction() as connection:
        found = await schema.current(connection)
        server = connection.info.parameter_status("server_version")
    if found != schema.HEAD:
        raise schema.SchemaProblem(f"the schema is at revision {found}, this backend needs {schema.HEAD}")
    return server, None


async def _cache(resources: Resources) -> tuple[str | None, str | None]:
    info = await resources.redis.info("server")
    return str(info["redis_version"]), None


async def _analytics(resources: Resources) -> tuple[str | None, str | None]:
    if not resources.analytics.configured:
        raise _NotConfigured("CLICKHOUSE_URL is not set")
    found = await resources.analytics.check()
    dropped = resources.analytics.dropped
    return found, f"{dropped} rows dropped" if dropped else None


async def _language_model(resources: Resources) -> tuple[str | None, str | None]:
    return resources.model.name, await resources.model.check()


async def configuration(resources: Resources) -> dict[str, Any]:
    """Return the settings without secrets, versions, the schema's revision, and a fingerprint to compare by.

    The fingerprint covers what two processes of one deployment have in common; it changes when a setting, the
    version or the newest revision does.
    """
    shown = resources.settings.shown()
    common = {"settings": shown, "version": __version__, "schema": schema.HEAD}
    text = json.dumps(common, sort_keys=True, default=str)
    current, row_security = await _in_database(resources)
    return {
        "settings": shown,
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
        "version": __version__,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        "schema": {"current": current, "expected": schema.HEAD},
        "row_level_security": row_security,
    }


async def _in_database(resources: Resources) -> tuple[str | None, str | None]:
    """Return the schema's revision, and whether row security holds for the user we are there; None if it is down."""
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    try:
        async with (
            asyncio.timeout(resources.settings.health_timeout_seconds),
            resources.database.transaction() as connection,
        ):
            row = await (await connection.execute(query)).fetchone()
            passes = bool(row and row[0])
            return await schema.current(connection), "bypassed: superuser" if passes else "enforced"
    except Exception:  # noqa: BLE001  # `/health/dependencies` tells why
        return None, None
