"""Logging in: the password against the account's, with a bound on wrong ones."""

from __future__ import annotations

import hashlib

from redis.asyncio import Redis

from reference_backend.auth.passwords import Passwords
from reference_backend.cache import Keys
from reference_backend.config import Settings
from reference_backend.storage import users
from reference_backend.storage.database import Database
from reference_backend.storage.users import User

__all__ = ["Accounts", "LoginRefused", "TooManyFailures"]

_WINDOW_SECONDS = 60


class LoginRefused(Exception):
    """The address and the password do not fit."""


class TooManyFailures(LoginRefused):
    """So many wrong passwords in a minute that not even the right one is looked at."""

    seconds = _WINDOW_SECONDS


class Accounts:
    """Registers and logs in."""

    def __init__(self, database: Database, redis: Redis, keys: Keys, passwords: Passwords, settings: Settings) -> None:
        self._database = database
        self._redis = redis
        self._keys = keys
        self._passwords = passwords
        self._most = settings.login_failures_per_minute

    async def register(self, email: str, name: str, password: str) -> User:
        """Make an account; raises `users.EmailTaken`."""
        return await users.create(self._database, email, name, await self._passwords.hashed(password))

    async def log_in(self, email: str, password: str) -> User:
        """Return the account.

        Raises:
            LoginRefused: There is no such account, or it has another password: it does not say which.
            TooManyFailures: Too many of these in a minute.
        """
        key = self._keys.failures(hashlib.sha256(email.encode()).hexdigest()[:32])
        if int(await self._redis.get(key) or 0) >= self._most:
            raise TooManyFailures
        found = await users.by_email(self._database, email)
        if await self._passwords.fits(password, found[1] if found else None) and found:
            return found[0]
        async with self._redis.pipeline(transaction=True) as pipe:
            # The first one opens the window; the others do not make it longer.
            pipe.set(key, 0, ex=_WINDOW_SECONDS, nx=True)
            pipe.incr(key)
            await pipe.execute()
        raise LoginRefused
