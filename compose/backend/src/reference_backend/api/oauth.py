"""The development identity provider: OAuth 2 authorization code flow with PKCE (RFC 6749, RFC 7636).

It stands in for a real one, so that the exchange can be tested: it asks for the password in a bare form and remembers
no consent. Production refuses to switch it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import ImmutableMultiDict

from reference_backend.api.auth import Email, tokens_for
from reference_backend.api.dependencies import Held
from reference_backend.api.login_page import login_page
from reference_backend.auth.accounts import LoginRefused, TooManyFailures
from reference_backend.auth.codes import CHALLENGE, CodeRefused, Grant
from reference_backend.auth.sessions import RefreshRefused
from reference_backend.errors import Problem
from reference_backend.resources import Resources

__all__ = ["router"]

router = APIRouter(prefix="/oauth", tags=["development identity provider"])

_PARAMETERS = ("response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")
_LONGEST = 1024
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


class _Refused(Exception):
    """The token request is refused, in the words of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An authorization request that may be answered by a redirect."""

    client_id: str
    redirect_uri: str
    state: str | None
    challenge: str
    parameters: Mapping[str, str]

    def redirect(self, **answer: str) -> RedirectResponse:
        """Send the user back to the client."""
        if self.state is not None:
            answer["state"] = self.state
        parts = urlsplit(self.redirect_uri)
        query = "&".join(filter(None, [parts.query, urlencode(answer)]))
        # 303, so that the browser does not post the password on.
        return RedirectResponse(urlunsplit(parts._replace(query=query)), 303)


@router.get("/authorize", response_model=None)
async def authorize(request: Request, held: Held) -> Response:
    """Ask who the user is."""
    wanted = _wanted(request.query_params, held)
    return wanted if isinstance(wanted, Response) else _page(wanted)


@router.post("/authorize", response_model=None)
async def log_in(request: Request, held: Held) -> Response:
    """Look at the password and send the user back with a code."""
    form = _texts(await request.form())
    wanted = _wanted(form, held)
    if isinstance(wanted, Response):
        return wanted
    try:
        user = await held.accounts.log_in(_EMAIL.validate_python(form.get("email", "")), form.get("password", ""))
    except TooManyFailures:
        return _page(wanted, "Too many wrong passwords; wait a minute.", 429)
    except (LoginRefused, ValidationError):
        return _page(wanted, "The address and the password do not fit.", 401)
    grant = Grant(str(user.id), wanted.client_id, wanted.redirect_uri, wanted.challenge)
    return wanted.redirect(code=await held.codes.give(grant))


@router.post("/token", response_model=None)
async def token(request: Request, held: Held) -> Response:
    """Exchange a code, or a refresh token, for tokens."""
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    try:
        return JSONResponse(await _tokens(_texts(await request.form()), held), headers=headers)
    except _Refused as refused:
        return JSONResponse({"error": refused.error, "error_description": str(refused)}, 400, headers)


async def _tokens(form: ImmutableMultiDict[str, str], held: Resources) -> dict[str, Any]:
    def field(name: str) -> str:
        given = form.getlist(name)
        if len(given) != 1 or not given[0]:
            raise _Refused("invalid_request", f"{name} is needed, once")
        return given[0]

    grant = field("grant_type")
    if field("client_id") not in held.settings.oauth_clients:
        raise _Refused("invalid_client", "there is no such client")
    if grant == "authorization_code":
        asked = (field("code"), field("client_id"), field("redirect_uri"), field("code_verifier"))
        try:
            session = await held.codes.take(*asked)
        except CodeRefused as refused:
            raise _Refused("invalid_grant", str(refused)) from refused
    elif grant == "refresh_token":
        try:
            session = await held.sessions.refresh(field("refresh_token"))
        except RefreshRefused as refused:
            raise _Refused("invalid_grant", "the refresh token is not good") from refused
    else:
        raise _Refused("unsupported_grant_type", "there are authorization_code and refresh_token")
    return tokens_for(held, session).model_dump()


def _wanted(given: ImmutableMultiDict[str, str], held: Resources) -> _Wanted | RedirectResponse:
    """Read an authorization request, or return the redirect that refuses it.

    Raises:
        Problem: The client or its address is unknown, so that nobody can be told by a redirect.
    """
    values = {name: given[name] for name in _PARAMETERS if name in given}
    addresses = held.settings.oauth_clients.get(values.get("client_id", ""))
    if addresses is None:
        raise Problem(400, "unknown_client", "There is no such client.")
    if values.get("redirect_uri") not in addresses:
        raise Problem(400, "unknown_redirect_uri", "redirect_uri is none of the client's, letter by letter.")
    challenge = values.get("code_challenge", "")
    wanted = _Wanted(values["client_id"], values["redirect_uri"], values.get("state"), challenge, values)
    if any(len(given.getlist(name)) > 1 or len(value) > _LONGEST for name, value in values.items()):
        return wanted.redirect(error="invalid_request", error_description="a parameter comes twice or is too long")
    if values.get("response_type") != "code":
        return wanted.redirect(error="unsupported_response_type", error_description="response_type is code")
    if values.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        return wanted.redirect(error="invalid_request", error_description="PKCE with S256 is needed")
    return wanted


def _texts(form: ImmutableMultiDict[str, Any]) -> ImmutableMultiDict[str, str]:
    """Leave out uploaded files."""
    return ImmutableMultiDict([(name, value) for name, value in form.multi_items() if isinstance(value, str)])


def _page(wanted: _Wanted, problem: str = "", status: int = 200) -> HTMLResponse:
    text, headers = login_page(wanted.parameters, problem)
    return HTMLResponse(text, status, headers)
