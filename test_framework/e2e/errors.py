"""What a backend answered that was no success. No text of these holds a token or a password."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from test_framework.resolution import hide_secrets

if TYPE_CHECKING:
    import httpx

__all__ = ["ApiError", "ConnectionEnded", "HandshakeRefused", "MessageRefused", "error_code"]

_SECRET_FIELDS = ("password", "token", "access_token", "refresh_token", "code", "code_verifier")
_QUOTED = 300


class ApiError(Exception):
    """An answer other than 2xx.

    Attributes:
        status: The HTTP status.
        code: The backend's code for programs; `http_STATUS` when the answer has none.
        message: What it says to people.
        request_id: What its log calls the request; empty when it does not say.
    """

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        where = f" (request {request_id})" if request_id else ""
        super().__init__(f"{status} {code}: {message}{where}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id

    @classmethod
    def of(cls, response: httpx.Response, code: str = "", message: str = "") -> ApiError:
        """Return the error for an answer; `code` and `message` count where its body has none."""
        body = _json(response.content)
        told = body.get("error")
        if isinstance(told, dict):
            code, message = str(told.get("code", code)), str(told.get("message", message))
        elif told is not None:
            # The form of RFC 6749.
            code, message = str(told), str(body.get("error_description", message))
        elif body and not message:
            message = json.dumps(body)
        text = _without_secrets(message or response.reason_phrase, response.request)
        request_id = response.headers.get("X-Request-ID", "")
        return cls(response.status_code, code or f"http_{response.status_code}", text[:_QUOTED], request_id)


class HandshakeRefused(Exception):
    """The server answered the handshake of a WebSocket with an HTTP status; `code` as in `ApiError`."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the handshake was refused: {status} {code}")
        self.status = status
        self.code = code


class ConnectionEnded(Exception):
    """The WebSocket is closed; without a closing handshake the code is 1006, and the reason empty."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the connection ended: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class MessageRefused(Exception):
    """The server answered a message with an error, and the connection goes on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def error_code(status: int, body: bytes) -> str:
    """Return the code in the body of an error; `http_STATUS` when it has none."""
    told = _json(body).get("error")
    code = told.get("code") if isinstance(told, dict) else told
    return str(code or f"http_{status}")


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _without_secrets(text: str, request: httpx.Request) -> str:
    sent = _json(request.content) or {k: v[0] for k, v in parse_qs(request.content.decode(errors="replace")).items()}
    secrets = [str(sent[field]) for field in _SECRET_FIELDS if sent.get(field)]
    for secret in [*secrets, request.headers.get("Authorization", "").partition(" ")[2]]:
        text = text.replace(secret, "***") if secret else text
    return hide_secrets(text)
