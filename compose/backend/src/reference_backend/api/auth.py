"""Accounts and tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from reference_backend.api.dependencies import CurrentClaims, Held
from reference_backend.auth.accounts import LoginRefused, TooManyFailures
from reference_backend.auth.sessions import RefreshRefused, RefreshReused, Session
from reference_backend.auth.tokens import Claims
from reference_backend.errors import Problem
from reference_backend.resources import Resources
from reference_backend.storage import users
from reference_backend.texts import Text

__all__ = ["Email", "Password", "Tokens", "router", "tokens_for"]

router = APIRouter(tags=["auth"])

Email = Annotated[
    str,
    # ASCII, so that everybody agrees on what its small letters are.
    StringConstraints(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$", strip_whitespace=True, to_lower=True),
]
Password = Annotated[Text, Field(min_length=8, max_length=256)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Registration(_Body):
    """A new account."""

    email: Email
    password: Password
    name: Annotated[Text, Field(max_length=100)] = ""


class Login(_Body):
    """An address and its password."""

    email: Email
    password: Annotated[Text, Field(max_length=256)]


class Refresh(_Body):
    """A refresh token."""

    refresh_token: Annotated[Text, Field(max_length=4096)]


class Account(BaseModel):
    """An account, as its owner sees it."""

    id: UUID
    email: str
    name: str
    created_at: datetime


class Tokens(BaseModel):
    """An access token and the refresh token for the next one (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a kind of token
    expires_in: int
    refresh_token: str


class Validity(BaseModel):
    """What a token says that was found good."""

    active: Literal[True] = True
    user_id: UUID
    session_id: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


def tokens_for(held: Resources, session: Session) -> Tokens:
    """Return the tokens of a session."""
    access = held.tokens.issue(session.user_id, session.id)
    return Tokens(access_token=access, expires_in=held.tokens.seconds, refresh_token=session.refresh_token)


@router.post("/auth/register", status_code=201)
async def register(body: Registration, held: Held) -> Account:
    """Make an account."""
    try:
        user = await held.accounts.register(body.email, body.name, body.password)
    except users.EmailTaken as error:
        raise Problem(409, "email_taken", "There is an account with this address.") from error
    held.analytics.record("register", user.id, {})
    return Account.model_validate(user, from_attributes=True)


@router.post("/auth/login")
async def login(body: Login, held: Held) -> Tokens:
    """Begin a session."""
    try:
        user = await held.accounts.log_in(body.email, body.password)
    except TooManyFailures as error:
        headers = {"Retry-After": str(error.seconds)}
        raise Problem(429, "too_many_failures", "Too many wrong passwords.", headers) from error
    except LoginRefused as error:
        raise Problem(401, "wrong_credentials", "The address and the password do not fit.") from error
    held.analytics.record("login", user.id, {})
    return tokens_for(held, await held.sessions.open(user.id))


@router.post("/auth/refresh")
async def refresh(body: Refresh, held: Held) -> Tokens:
    """Exchange a refresh token for new tokens; one that was exchanged before ends its whole session."""
    try:
        session = await held.sessions.refresh(body.refresh_token)
    except RefreshReused as error:
        raise Problem(401, "refresh_token_reused", "The token was used before: its session is ended.") from error
    except RefreshRefused as error:
        raise Problem(401, "refresh_token_invalid", "The refresh token is not good.") from error
    return tokens_for(held, session)


@router.get("/auth/validate")
async def validate(claims: CurrentClaims) -> Validity:
    """Say what the bearer token is worth; 401 when it is worth nothing."""
    return Validity(
        user_id=claims.user_id,
        session_id=claims.session_id,
        token_id=claims.token_id,
        issued_at=_time(claims.issued_at),
        expires_at=_time(claims.expires_at),
    )


@router.post("/auth/logout", status_code=204)
async def logout(claims: CurrentClaims, held: Held) -> None:
    """End this session."""
    await held.sessions.end(claims.user_id, claims.session_id)


@router.post("/auth/logout-all")
async def logout_all(claims: CurrentClaims, held: Held) -> dict[str, int]:
    """End all sessions of the user."""
    return {"ended": await held.sessions.end_all(claims.user_id)}


@router.get("/users/me")
async def me(claims: CurrentClaims, held: Held) -> Account:
    """Return the account."""
    return Account.model_validate(await _account(claims, held), from_attributes=True)


@router.delete("/users/me", status_code=204)
async def forget_me(claims: CurrentClaims, held: Held) -> None:
    """Delete the account with all that it owns, here and in the cache."""
    await users.delete(held.database, claims.user_id)
    await held.sessions.end_all(claims.user_id)
    await held.log.forget(claims.user_id)


async def _account(claims: Claims, held: Resources) -> Any:
    if user := await users.by_id(held.database, claims.user_id):
        return user
    raise Problem(404, "not_found", "The account is gone.")


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
