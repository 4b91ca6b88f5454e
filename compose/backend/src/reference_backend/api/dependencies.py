"""What routes ask for: the parts of this process, and who is asking."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import HTTPConnection

from reference_backend import logs
from reference_backend.auth.tokens import Claims, TokenRefused
from reference_backend.errors import Problem
from reference_backend.resources import Resources

__all__ = ["CurrentClaims", "DetailsAllowed", "Held"]


def _resources(connection: HTTPConnection) -> Resources:
    held: Resources = connection.app.state.resources
    return held


Held: TypeAlias = Annotated[Resources, Depends(_resources)]


async def _claims(connection: HTTPConnection, held: Held) -> Claims:
    """Return who asks, by the bearer token (RFC 6750); 401 with the reason when it is not good."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _refused("token_missing", "This needs a bearer token.")
    try:
        claims = held.tokens.read(token.strip())
    except TokenRefused as refused:
        raise _refused(refused.code, refused.message) from refused
    if not await held.sessions.lives(claims.user_id, claims.session_id):
        raise _refused("session_ended", "The session has ended.")
    logs.user_id.set(str(claims.user_id))
    return claims


def _refused(code: str, message: str) -> Problem:
    challenge = 'Bearer realm="reference-backend"'
    if code != "token_missing":
        challenge += f', error="invalid_token", error_description="{code}: {message}"'
    return Problem(401, code, message, {"WWW-Authenticate": challenge})


CurrentClaims: TypeAlias = Annotated[Claims, Depends(_claims)]


async def _details_allowed(connection: HTTPConnection, held: Held) -> None:
    if not held.settings.health_details_public:
        await _claims(connection, held)


DetailsAllowed = Depends(_details_allowed)
