"""Threads, their messages, and runs: all of them the user's own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from reference_backend.api.dependencies import CurrentClaims, Held
from reference_backend.errors import Problem
from reference_backend.storage import messages, runs, threads
from reference_backend.storage.pages import BadCursor, Position
from reference_backend.texts import Text

__all__ = ["router"]

router = APIRouter(tags=["threads"])

T = TypeVar("T")


class Title(BaseModel):
    """What a thread is called."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Text, Field(min_length=1, max_length=200)]


class Thread(BaseModel):
    """A conversation."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    created_at: datetime


class Message(BaseModel):
    """What the user said, or what the agent answered."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    thread_id: UUID
    run_id: UUID
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime


class Run(BaseModel):
    """A run as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    thread_id: UUID
    client_id: str
    status: runs.Status
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class Page(BaseModel, Generic[T]):
    """Some items, the newest first; `next` goes into `cursor` for those after them."""

    model_config = ConfigDict(from_attributes=True)

    items: list[T]
    next: str | None


def _position(cursor: Annotated[str | None, Query(max_length=200)] = None) -> Position | None:
    try:
        return Position.parse(cursor) if cursor is not None else None
    except BadCursor as error:
        raise Problem(422, "bad_cursor", str(error)) from error


def _limit(held: Held, limit: Annotated[int | None, Query(ge=1)] = None) -> int:
    return min(limit or held.settings.page_size_max, held.settings.page_size_max)


After: TypeAlias = Annotated[Position | None, Depends(_position)]
Limit: TypeAlias = Annotated[int, Depends(_limit)]


def _found(thing: object | None) -> object:
    """Return it; what is somebody else's does not exist."""
    if thing is None:
        raise Problem(404, "not_found", "There is no such thing.")
    return thing


@router.post("/threads", status_code=201)
async def create(body: Title, claims: CurrentClaims, held: Held) -> Thread:
    """Make a thread."""
    return Thread.model_validate(await threads.create(held.database, claims.user_id, body.title))


@router.get("/threads")
async def listed(claims: CurrentClaims, held: Held, limit: Limit, after: After) -> Page[Thread]:
    """Return a page of threads."""
    return Page[Thread].model_validate(await threads.listed(held.database, claims.user_id, limit, after))


@router.get("/threads/{thread_id}")
async def get(thread_id: UUID, claims: CurrentClaims, held: Held) -> Thread:
    """Return a thread."""
    return Thread.model_validate(_found(await threads.get(held.database, claims.user_id, thread_id)))


@router.patch("/threads/{thread_id}")
async def rename(thread_id: UUID, body: Title, claims: CurrentClaims, held: Held) -> Thread:
    """Give a thread another title."""
    return Thread.model_validate(_found(await threads.rename(held.database, claims.user_id, thread_id, body.title)))


@router.delete("/threads/{thread_id}", status_code=204)
async def delete(thread_id: UUID, claims: CurrentClaims, held: Held) -> None:
    """Delete a thread with its messages."""
    _found(await threads.delete(held.database, claims.user_id, thread_id) or None)


@router.get("/threads/{thread_id}/messages")
async def messages_of(thread_id: UUID, claims: CurrentClaims, held: Held, limit: Limit, after: After) -> Page[Message]:
    """Return a page of a thread's messages."""
    _found(await threads.get(held.database, claims.user_id, thread_id))
    found = await messages.listed(held.database, claims.user_id, thread_id, limit, after)
    return Page[Message].model_validate(found)


@router.get("/runs/{run_id}")
async def run(run_id: UUID, claims: CurrentClaims, held: Held) -> Run:
    """Return a run."""
    return Run.model_validate(_found(await runs.get(held.database, claims.user_id, run_id)))
