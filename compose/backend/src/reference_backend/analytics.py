"""Rows for ClickHouse over HTTP, sent in the background: nobody waits, and too many are dropped and counted."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import UUID

import httpx

from reference_backend.config import Settings

__all__ = ["Analytics"]

log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS backend_events
(time DateTime, event String, user_id String, about String)
ENGINE = MergeTree() PARTITION BY toYYYYMM(time) ORDER BY (event, time)
"""
_BATCH = 1000
_TIMEOUT_SECONDS = 3.0


class Analytics:
    """Takes rows; without a URL it takes none."""

    def __init__(self, settings: Settings) -> None:
        url = settings.clickhouse_url
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(settings.analytics_queue)
        self._flush_seconds = settings.analytics_flush_seconds
        self._client = _client(url.get_secret_value()) if url else None
        self._table = False
        self.dropped = 0
        self.sent = 0

    @property
    def configured(self) -> bool:
        """Whether there is a ClickHouse."""
        return self._client is not None

    def record(self, event: str, user_id: UUID, about: dict[str, Any]) -> None:
        """Take a row; never waits and never fails."""
        if self._client is None:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        try:
            self._queue.put_nowait({"time": now, "event": event, "user_id": str(user_id), "about": json.dumps(about)})
        except asyncio.QueueFull:
            self.dropped += 1

    async def check(self) -> str:
        """Return the server's version; raises `httpx.HTTPError`."""
        return (await self._ask("SELECT version()")).strip()

    async def run(self) -> None:
        """Send what was taken, until cancelled."""
        while self._client is not None:
            await asyncio.sleep(self._flush_seconds)
            await self._flush()

    async def close(self, seconds: float) -> None:
        """Send what is left, for so long at most."""
        if self._client is None:
            return
        deadline = time.monotonic() + seconds
        while not self._queue.empty() and time.monotonic() < deadline and await self._flush():
            pass
        self.dropped += self._queue.qsize()
        if self.dropped:
            log.warning("analytics rows dropped", extra={"dropped": self.dropped})
        await self._client.aclose()

    async def _flush(self) -> bool:
        rows = [self._queue.get_nowait() for _ in range(min(_BATCH, self._queue.qsize()))]
        if not rows:
            return True
        try:
            if not self._table:
                await self._ask(_TABLE)
                self._table = True
            await self._ask("INSERT INTO backend_events FORMAT JSONEachRow", "\n".join(map(json.dumps, rows)))
        except httpx.HTTPError as error:
            # Not sent again: the server may have it already, and a row too few is better than one too many.
            self.dropped += len(rows)
            log.warning("analytics unavailable", extra={"reason": _reason(error), "dropped": self.dropped})
            return False
        self.sent += len(rows)
        return True

    async def _ask(self, query: str, data: str = "") -> str:
        assert self._client is not None  # noqa: S101  # who asks has looked
        response = await self._client.post("", params={"query": query}, content=data.encode())
        response.raise_for_status()
        return response.text


def _reason(error: httpx.HTTPError) -> str:
    body = error.response.text[:200] if isinstance(error, httpx.HTTPStatusError) else ""
    return f"{type(error).__name__}: {body or error}"


def _client(url: str) -> httpx.AsyncClient:
    """Return a client for a URL whose path is the database; user and password go into headers, out of all logs."""
    parts = urlsplit(url)
    headers = {
        "X-ClickHouse-User": unquote(parts.username or "default"),
        "X-ClickHouse-Key": unquote(parts.password or ""),
    }
    base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
    database = {"database": parts.path.strip("/")} if parts.path.strip("/") else {}
    return httpx.AsyncClient(base_url=base, params=database, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False)
