"""Passwords, hashed with Argon2id in threads, so that a login does not hold up what else the process does."""

from __future__ import annotations

import os

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reference_backend.config import Settings

__all__ = ["Passwords"]


class Passwords:
    """Makes and checks hashes; at most as many at once as there are processors, since each takes memory."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_iterations, memory_cost=settings.argon2_memory_kib, parallelism=1
        )
        self._limiter = CapacityLimiter(os.cpu_count() or 1)
        self._nobody = self._hasher.hash("the password of no account")

    async def hashed(self, password: str) -> str:
        """Return the hash to keep."""
        return await to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Say whether the password is the one of that hash; takes as long when there is no such account."""
        return await to_thread.run_sync(self._fits, password, kept, limiter=self._limiter)

    def _fits(self, password: str, kept: str | None) -> bool:
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None
