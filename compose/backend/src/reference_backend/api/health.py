"""Health: whether the process lives, whether it can serve, what it sees, how it is configured."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from reference_backend import __version__, health
from reference_backend.api.dependencies import DetailsAllowed, Held

__all__ = ["router"]

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/ready", responses={503: {"description": "a needed dependency is down"}})
async def ready(held: Held, response: Response) -> dict[str, Any]:
    """All that is needed answers; else 503 and why not."""
    found = await health.checks(held)
    reasons = {name: check.reason for name, check in found.items() if check.required and check.status != "ok"}
    response.status_code = 503 if reasons else 200
    # What a server says of itself in an error is a detail, too.
    told = reasons if held.settings.health_details_public else dict.fromkeys(reasons, "down")
    return {"status": "down" if reasons else "ok", "reasons": told}


@router.get("/dependencies", dependencies=[DetailsAllowed])
async def dependencies(held: Held) -> dict[str, Any]:
    """Each dependency, as this process sees it."""
    found = await health.checks(held)
    down = [check for check in found.values() if check.status == "down"]
    status = "down" if any(check.required for check in down) else "degraded" if down else "ok"
    return {"status": status, "dependencies": {name: check.told() for name, check in found.items()}}


@router.get("/config", dependencies=[DetailsAllowed])
async def config(held: Held) -> dict[str, Any]:
    """The settings in effect, without secrets, to compare with what was meant."""
    return await health.configuration(held)
