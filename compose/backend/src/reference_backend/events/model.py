"""The five events. These classes are what is sent, and what the published JSON schema is made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

__all__ = [
    "AgentCompleted",
    "AgentStarted",
    "AgentThinking",
    "Data",
    "ErrorData",
    "Event",
    "ToolCompleted",
    "ToolExecuting",
    "draft",
    "numbered",
    "schema",
]


class Data(BaseModel):
    """What is particular about one kind of event."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorData(Data):
    """What went wrong."""

    code: str
    message: str


class Started(Data):
    """The run has begun."""

    message_id: UUID = Field(description="the user's message")
    model: str = Field(description="name of the language model")


class Thinking(Data):
    """The model has decided what to do."""

    text: str
    tool: str


class Executing(Data):
    """A tool is being called."""

    call_id: UUID
    tool: str
    arguments: dict[str, Any]


class Completed(Data):
    """The call is over: with a result, or with an error."""

    call_id: UUID
    tool: str
    ok: bool
    result: dict[str, Any] | None
    error: ErrorData | None
    duration_ms: float = Field(ge=0)


class Finished(Data):
    """The run is over."""

    status: Literal["completed", "recovered", "failed"] = Field(
        description="recovered: a tool failed and there is an answer; failed: there is no answer"
    )
    message_id: UUID | None = Field(description="the agent's message")
    text: str | None = Field(description="the agent's answer")
    error: ErrorData | None
    duration_ms: float = Field(ge=0)


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID = Field(description="of this event")
    run_id: UUID
    thread_id: UUID
    sequence: int = Field(ge=1, description="place among all events of this user, without gaps")
    time: AwareDatetime = Field(description="when it happened, UTC")


class AgentStarted(_Envelope):
    """First event of a run."""

    type: Literal["agent_started"]
    data: Started


class AgentThinking(_Envelope):
    """Second event of a run."""

    type: Literal["agent_thinking"]
    data: Thinking


class ToolExecuting(_Envelope):
    """Third event of a run."""

    type: Literal["tool_executing"]
    data: Executing


class ToolCompleted(_Envelope):
    """Fourth event of a run."""

    type: Literal["tool_completed"]
    data: Completed


class AgentCompleted(_Envelope):
    """Last event of a run."""

    type: Literal["agent_completed"]
    data: Finished


Event = Annotated[
    AgentStarted | AgentThinking | ToolExecuting | ToolCompleted | AgentCompleted, Field(discriminator="type")
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_TYPES: dict[type[Data], str] = {
    Started: "agent_started",
    Thinking: "agent_thinking",
    Executing: "tool_executing",
    Completed: "tool_completed",
    Finished: "agent_completed",
}


def draft(run_id: UUID, thread_id: UUID, data: Data) -> dict[str, Any]:
    """Return an event that happens now, without its sequence, which it gets when it is kept."""
    return {
        "type": _TYPES[type(data)],
        "id": str(uuid4()),
        "run_id": str(run_id),
        "thread_id": str(thread_id),
        "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": data.model_dump(mode="json"),
    }


def numbered(event: dict[str, Any], sequence: int) -> str:
    """Return the text of a draft that has got its sequence; raises `ValueError` if it does not fit the schema."""
    return _EVENT.validate_python({**event, "sequence": sequence}).model_dump_json()


def schema() -> dict[str, Any]:
    """Return the JSON schema of all events."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of an agent's run",
        **_EVENT.json_schema(),
    }
