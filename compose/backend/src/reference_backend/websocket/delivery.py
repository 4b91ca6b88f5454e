"""Brings a user's events to one connection: each once, in order, from where the client stood."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from reference_backend.events.log import Log
from reference_backend.events.model import numbered
from reference_backend.websocket.channel import Channel

__all__ = ["Delivery"]

log = logging.getLogger(__name__)

_BATCH = 100
_PAUSE_SECONDS = 0.5


class Delivery:
    """Reads the log after a sequence, and again whenever it is woken.

    Nothing is queued in memory: a client that reads slowly is read for slowly. At first all events wait, for a moment,
    so that a client that comes back can say `resume` before it gets the newest.
    """

    def __init__(self, channel: Channel, events: Log, user_id: UUID, window: float) -> None:
        self._channel = channel
        self._log = events
        self._user_id = user_id
        self._window = window
        self._reached = 0
        self._from = 0
        self._spoken = asyncio.Event()
        self._woken = asyncio.Event()
        self._flowing = False

    def wake(self) -> None:
        """There may be new events."""
        self._woken.set()

    def start(self, after: int) -> None:
        """Deliver what comes after this sequence, unless `resume` says another one."""
        self._reached = self._from = after

    def begin(self) -> None:
        """The client has spoken: hold nothing back any more."""
        self._spoken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._window):
                await self._spoken.wait()
        self._flowing = True
        while True:
            self._woken.clear()
            try:
                batch = await self._log.read(self._user_id, self._reached, _BATCH)
            except RedisError as error:
                log.warning("events cannot be read", extra={"reason": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            for sequence, event in batch:
                if sequence > self._reached + 1:
                    lost = {"type": "events_lost", "from": self._reached + 1, "to": sequence - 1}
                    await self._channel.send(lost)
                self._reached = sequence
                await self._send(event, sequence)
            if not batch:
                await self._woken.wait()

    async def resume(self, after: int) -> None:
        """Send what came after an event that the client has seen, having said first whether all of it is there."""
        span = await self._log.span(self._user_id)
        if after > span.last:
            await self._channel.error("resume_ahead", f"There is no event after {span.last}.")
            return
        missing = span.missing(after)
        told = {"from": missing[0], "to": missing[1]} if missing else None
        await self._channel.send(
            {"type": "resumed", "after": after, "sequence": span.last, "complete": missing is None, "missing": told}
        )
        begin = max(after, span.before)
        if not self._flowing:
            self.start(begin)
            return
        # Too late for the right order, but nothing is lost and nothing comes twice.
        end, self._from = self._from, min(begin, self._from)
        reached = begin
        while reached < end and (batch := await self._log.read(self._user_id, reached, _BATCH)):
            for sequence, event in batch:
                if sequence <= end:
                    await self._send(event, sequence)
            reached = batch[-1][0]

    async def _send(self, event: dict[str, Any], sequence: int) -> None:
        try:
            text = numbered(event, sequence)
        except ValueError as error:
            # Nothing that we keep does not fit; somebody else's rubbish must not stop what comes after it.
            log.error("event does not fit the schema", extra={"sequence": sequence, "reason": str(error)})  # noqa: TRY400
            return
        await self._channel.send(text)
