"""The tools of the agent. A tool that fails says so; what it says goes to the model and to the user."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from reference_backend.agent.calculator import BadExpression, evaluate
from reference_backend.errors import UNAVAILABLE
from reference_backend.events.model import ErrorData
from reference_backend.storage import messages
from reference_backend.storage.database import Database

__all__ = ["Outcome", "Tool", "ToolContext", "ToolFailed", "Toolbox"]

log = logging.getLogger(__name__)

_MATCHES = 5
_EXCERPT = 200


class ToolFailed(Exception):
    """The tool has no result. After a `fatal` one there is no use in going on."""

    def __init__(self, code: str, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal


@dataclass(frozen=True, slots=True)
class ToolContext:
    """For whom a tool works; it sees the data of this user only."""

    user_id: UUID
    run_id: UUID
    database: Database


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: a result or an error."""

    result: dict[str, Any] | None
    error: ErrorData | None
    fatal: bool
    milliseconds: float


class Tool(Protocol):
    """Something that the agent can do."""

    name: str

    async def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do it and return the result, which is JSON; raises `ToolFailed`."""


class Calculator:
    """Works out an expression."""

    name = "calculator"

    async def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return `value`."""
        try:
            return {"value": evaluate(str(arguments["expression"]))}
        except BadExpression as error:
            raise ToolFailed("bad_expression", str(error)) from error


class ThreadSearch:
    """Looks through what the user has said before."""

    name = "thread_search"

    async def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return `matches`."""
        try:
            found = await messages.search(
                context.database, context.user_id, list(arguments["words"]), context.run_id, _MATCHES
            )
        except UNAVAILABLE as error:
            raise ToolFailed("unavailable", "The messages cannot be read now.") from error
        told = [{"thread_id": str(m.thread_id), "message_id": str(m.id), "text": m.text[:_EXCERPT]} for m in found]
        return {"matches": told}


class Timer:
    """Waits."""

    name = "timer"

    async def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return `seconds`."""
        try:
            seconds = float(arguments["seconds"])
        except ValueError as error:
            raise ToolFailed("bad_number", "A timer takes a number of seconds.") from error
        if not math.isfinite(seconds) or seconds < 0:
            raise ToolFailed("bad_number", "A timer takes a number of seconds.")
        await asyncio.sleep(seconds)
        return {"seconds": seconds}


class Unreliable:
    """Fails when it is asked to, so that everybody can see what happens then."""

    name = "unreliable"

    async def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Raise `ToolFailed`."""
        raise ToolFailed("failed_on_demand", str(arguments["reason"]), fatal=bool(arguments["fatal"]))


class Toolbox:
    """All tools, and a bounded way to call one."""

    def __init__(self, seconds: float) -> None:
        tools: tuple[Tool, ...] = (Calculator(), ThreadSearch(), Timer(), Unreliable())
        self._tools = {tool.name: tool for tool in tools}
        self._seconds = seconds

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tools."""
        return tuple(self._tools)

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Outcome:
        """Call a tool; whatever goes wrong is in the outcome."""
        begin = time.perf_counter()
        result, error, fatal = None, None, False
        try:
            async with asyncio.timeout(self._seconds):
                result = await self._tools[name].run(context, arguments)
        except ToolFailed as failed:
            error, fatal = ErrorData(code=failed.code, message=failed.message), failed.fatal
        except TimeoutError:
            error = ErrorData(code="tool_timeout", message=f"The tool took longer than {self._seconds:g} s.")
        except Exception:
            log.exception("tool broke", extra={"tool": name})
            error = ErrorData(code="tool_broke", message="The tool broke.")
        return Outcome(result, error, fatal, round((time.perf_counter() - begin) * 1000, 3))
