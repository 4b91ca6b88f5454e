"""The language model: a protocol, and the one that ships, which is deterministic and says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reference_backend.agent.tools import Outcome

__all__ = ["DeterministicModel", "LanguageModel", "ModelRefused", "ToolCall"]


class ModelRefused(Exception):
    """The model gives no answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What the model wants to have done, and what it thinks."""

    thought: str
    tool: str
    arguments: Mapping[str, Any]


class LanguageModel(Protocol):
    """Decides which tool helps with a message, and answers with what came of it."""

    name: str
    deterministic: bool

    async def check(self) -> str:
        """Say what there is to know of the model; raises when it cannot be reached."""

    async def plan(self, text: str, tools: Sequence[str]) -> ToolCall:
        """Decide on a tool; raises `ModelRefused`."""

    async def answer(self, text: str, call: ToolCall, outcome: Outcome) -> str:
        """Return the answer for the user; raises `ModelRefused`."""


_PREFIXES = {"fail": "unreliable", "timer": "timer", "search": "thread_search", "calc": "calculator"}
_PREFIX = re.compile(rf"\s*({'|'.join(_PREFIXES)})\s*:\s*(.*)", re.I | re.S)
_SUM = re.compile(r"\(*\d[\d\s.()+*/%-]*[+*/%-][\d\s.()+*/%-]*\d\)*")
_WORD = re.compile(r"\w{4,}")
_WORDS = 5


class DeterministicModel:
    """Answers by rule, with no model behind it, so that the same message always has the same answer.

    `calc: …`, `search: …`, `timer: …` and `fail: …` name a tool; a text with a sum in it goes to the calculator, and
    any other to the search, by its longest words.
    """

    name = "deterministic"
    deterministic = True

    def __init__(self, context_characters: int) -> None:
        self._most = context_characters

    async def check(self) -> str:
        """See `LanguageModel`."""
        return "answers by rule, no language model is called"

    async def plan(self, text: str, tools: Sequence[str]) -> ToolCall:
        """See `LanguageModel`."""
        if len(text) > self._most:
            raise ModelRefused("context_length_exceeded", f"The model takes {self._most} characters at most.")
        call = _plan(text)
        if call.tool not in tools:
            raise ModelRefused("no_such_tool", f"There is no tool {call.tool}.")
        return call

    async def answer(self, text: str, call: ToolCall, outcome: Outcome) -> str:  # noqa: ARG002  # a protocol's method
        """See `LanguageModel`."""
        if outcome.error:
            return f"I could not use {call.tool}: {outcome.error.message}"
        result = outcome.result or {}
        match call.tool:
            case "calculator":
                return f"{call.arguments['expression']} = {result['value']}"
            case "timer":
                return f"{result['seconds']:g} s are over."
            case _:
                found = result["matches"]
                if not found:
                    return "You have not spoken of that before."
                return f"You have spoken of that {len(found)} times, last: {found[0]['text']}"


def _plan(text: str) -> ToolCall:
    if named := _PREFIX.fullmatch(text):
        tool, rest = _PREFIXES[named[1].lower()], named[2].strip()
        return ToolCall(f"The user asks for {tool}.", tool, _arguments(tool, rest))
    if found := _SUM.search(text):
        return ToolCall("There is something to work out.", "calculator", {"expression": found[0].strip()})
    words = sorted(set(_WORD.findall(text.lower())), key=lambda word: (-len(word), word))[:_WORDS]
    return ToolCall("I look whether we have spoken of this before.", "thread_search", {"words": words})


def _arguments(tool: str, rest: str) -> dict[str, Any]:
    match tool:
        case "unreliable":
            fatal = rest.lower().startswith("fatal")
            return {"reason": rest or "no reason given", "fatal": fatal}
        case "timer":
            return {"seconds": rest}
        case "calculator":
            return {"expression": rest}
        case _:
            return {"words": rest.split()[:_WORDS]}
