"""What clients say. What the server says beside the events is built where it is said."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reference_backend.texts import Text

__all__ = [
    "Authenticate",
    "BadMessage",
    "ClientMessage",
    "Ping",
    "Pong",
    "Resume",
    "UserMessage",
    "parse",
    "schema",
]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Authenticate(_Message):
    """First message when the token came in no header; later, a newer token of the same user."""

    type: Literal["authenticate"]
    token: Text
    after: int | None = Field(None, ge=0, description="as in `resume`, in one go")


class Resume(_Message):
    """Asks for all events after one; first message after `ready`."""

    type: Literal["resume"]
    after: int = Field(ge=0, description="sequence of the last event seen; 0 for all that are kept")


class UserMessage(_Message):
    """A message for the agent."""

    type: Literal["user_message"]
    id: Annotated[Text, Field(min_length=1, max_length=128, description="chosen by the client, once")]
    thread_id: UUID | None = Field(None, description="a new thread when there is none")
    text: Annotated[Text, Field(min_length=1)]


class Ping(_Message):
    """Asks for a `pong`."""

    type: Literal["ping"]


class Pong(_Message):
    """Answers a `ping`."""

    type: Literal["pong"]


ClientMessage = Annotated[Authenticate | Resume | UserMessage | Ping | Pong, Field(discriminator="type")]

_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
_CODES = {
    "json_invalid": "invalid_json",
    "union_tag_invalid": "unknown_type",
    "union_tag_not_found": "unknown_type",
}


class BadMessage(ValueError):
    """It is none of the above."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse(text: str) -> ClientMessage:
    """Read a message; raises `BadMessage`."""
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        told = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise BadMessage(_CODES.get(first["type"], "invalid_message"), told[:300]) from None
    except UnicodeEncodeError:
        raise BadMessage("invalid_json", "It is no valid Unicode.") from None


def schema() -> dict[str, Any]:
    """Return the JSON schema of what clients may say."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of a client",
        **_MESSAGE.json_schema(),
    }
