"""One run: from a message that is kept to an answer that is kept, with the five events on the way.

A tool that fails does not end the run: the model answers with the error, and the run is `recovered`. After a fatal one,
or when the model gives no answer, it is `failed`. `agent_completed` comes in each case, and always last.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from reference_backend.agent.model import LanguageModel, ModelRefused
from reference_backend.agent.registry import Entry, Registry
from reference_backend.agent.tools import Toolbox, ToolContext
from reference_backend.errors import UNAVAILABLE
from reference_backend.events import model as events
from reference_backend.events.log import Log
from reference_backend.storage import runs
from reference_backend.storage.database import Database
from reference_backend.storage.runs import Accepted, Ended, Ending

__all__ = ["Parts", "RunOver", "conclude", "execute"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.2


class RunOver(Exception):
    """Somebody else has ended the run: this process was taken to be gone."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with."""

    database: Database
    log: Log
    registry: Registry
    model: LanguageModel
    toolbox: Toolbox


async def execute(parts: Parts, accepted: Accepted) -> Ended | None:
    """Carry out a run; return how it has ended.

    Raises:
        RunOver: Somebody else has ended it.
        psycopg.OperationalError, redis.RedisError: It could not be ended now; `conclude` does so later.
    """
    entry = Entry(accepted.user_id, accepted.thread_id, accepted.run_id)
    begin = time.perf_counter()
    await _emit(parts, entry, events.Started(message_id=accepted.message_id, model=parts.model.name))
    try:
        ending = await _answer(parts, entry, accepted.text)
    except ModelRefused as refused:
        ending = Ending("failed", error={"code": refused.code, "message": refused.message})
    except (RunOver, *UNAVAILABLE):
        raise
    except Exception:
        log.exception("run broke", extra={"run_id": str(entry.run_id)})
        ending = Ending("failed", error={"code": "internal_error", "message": "The run broke."})
    return await conclude(parts, entry, ending, begin)


async def _answer(parts: Parts, entry: Entry, text: str) -> Ending:
    call = await parts.model.plan(text, parts.toolbox.names)
    await _emit(parts, entry, events.Thinking(text=call.thought, tool=call.tool))
    name = uuid4()
    arguments: dict[str, Any] = dict(call.arguments)
    await _emit(parts, entry, events.Executing(call_id=name, tool=call.tool, arguments=arguments))
    context = ToolContext(entry.user_id, entry.run_id, parts.database)
    outcome = await parts.toolbox.call(call.tool, arguments, context)
    await _emit(
        parts,
        entry,
        events.Completed(
            call_id=name,
            tool=call.tool,
            ok=outcome.error is None,
            result=outcome.result,
            error=outcome.error,
            duration_ms=outcome.milliseconds,
        ),
    )
    error = outcome.error.model_dump() if outcome.error else None
    if outcome.fatal:
        return Ending("failed", error=error)
    return Ending("recovered" if error else "completed", await parts.model.answer(text, call, outcome), error)


async def conclude(parts: Parts, entry: Entry, ending: Ending, begin: float | None = None) -> Ended | None:
    """End a run: first in the database, then for the user. What was done of it before is not done again."""
    ended = await _patiently(lambda: runs.finish(parts.database, entry.user_id, entry.run_id, ending))
    if ended is None:
        ended = Ended("failed", {"code": "thread_deleted", "message": "The thread was deleted."}, None, None)
    finished = events.Finished(
        status="failed" if ended.status == "running" else ended.status,
        message_id=ended.message_id,
        text=ended.text,
        error=events.ErrorData(**ended.error) if ended.error else None,
        duration_ms=round((time.perf_counter() - begin) * 1000, 3) if begin else 0,
    )
    # When it cannot be told now, the run stays in the registry, so that it is told later.
    told_now = await _kept(parts, entry, finished)
    await _patiently(lambda: parts.registry.leave(entry.run_id))
    if not told_now:
        raise RunOver
    return ended


async def _emit(parts: Parts, entry: Entry, data: events.Data) -> None:
    if not await _kept(parts, entry, data):
        raise RunOver


async def _kept(parts: Parts, entry: Entry, data: events.Data) -> bool:
    event = events.draft(entry.run_id, entry.thread_id, data)
    return await _patiently(lambda: parts.log.add(entry.user_id, event)) > 0


async def _patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Wait out a short outage: whatever a run does can be done twice."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await do()
        except UNAVAILABLE:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
