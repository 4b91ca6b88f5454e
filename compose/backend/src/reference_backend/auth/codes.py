"""Authorization codes with PKCE: kept in Redis for a minute, each good for one exchange."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from reference_backend.auth.sessions import Session, Sessions
from reference_backend.cache import Keys
from reference_backend.config import Settings

__all__ = ["CHALLENGE", "CodeRefused", "Codes", "Grant"]

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""What SHA-256 gives in base64url."""

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_REMEMBERED_SECONDS = 600


class CodeRefused(Exception):
    """The code cannot be exchanged; the text says why."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user has allowed a client."""

    user_id: str
    client_id: str
    redirect_uri: str
    challenge: str


class Codes:
    """Gives codes and takes them."""

    def __init__(self, redis: Redis, keys: Keys, sessions: Sessions, settings: Settings) -> None:
        self._redis = redis
        self._keys = keys
        self._sessions = sessions
        self._seconds = settings.oauth_code_seconds

    async def give(self, grant: Grant) -> str:
        """Return a code for it."""
        code = secrets.token_urlsafe(32)
        await self._redis.set(self._keys.code(_hash(code)), json.dumps(asdict(grant)), ex=self._seconds)
        return code

    async def take(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Session:
        """Exchange a code for a session. Any attempt uses it up.

        Raises:
            CodeRefused: It is unknown, expired, for another client or address, or the verifier does not fit.
                When it was exchanged before, the session that came of it is ended: one of the two is a thief.
        """
        digest = _hash(code)
        kept: Any = await self._redis.getdel(self._keys.code(digest))
        if kept is None:
            await self._end_redeemed(digest)
            raise CodeRefused("the code is unknown, expired or used")
        grant = Grant(**json.loads(kept))
        if client_id != grant.client_id:
            raise CodeRefused("the code is for another client")
        if redirect_uri != grant.redirect_uri:
            raise CodeRefused("redirect_uri is not the one of the authorization request")
        if not _VERIFIER.fullmatch(verifier) or not secrets.compare_digest(_challenge(verifier), grant.challenge):
            raise CodeRefused("code_verifier does not fit the code_challenge")
        session = await self._sessions.open(UUID(grant.user_id))
        await self._redis.set(self._keys.redeemed(digest), f"{grant.user_id} {session.id}", ex=_REMEMBERED_SECONDS)
        return session

    async def _end_redeemed(self, digest: str) -> None:
        kept: Any = await self._redis.getdel(self._keys.redeemed(digest))
        if kept:
            user_id, session_id = kept.split()
            await self._sessions.end(UUID(user_id), session_id)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
