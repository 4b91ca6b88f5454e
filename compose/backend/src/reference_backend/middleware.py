"""What happens to every HTTP request: an id, a log line, safe headers, a bound on the body, an answer in any case."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_backend import errors, logs

__all__ = ["BodyLimit", "RequestContext"]

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOGGED_PATH = 200


class RequestContext:
    """Gives each request an id (the client's own, where it is harmless), logs it, and answers 500 if all else fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        name = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        token = logs.request_id.set(name)
        status, begin = 0, time.perf_counter()

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            log.exception("request failed")
            if not status:
                answer = errors.response(500, "internal_error", "Something went wrong here; the log says what.")
                await answer(scope, receive, send_on)
        finally:
            level = logging.DEBUG if scope["path"].startswith("/health/") else logging.INFO
            milliseconds = round((time.perf_counter() - begin) * 1000, 2)
            told = {"method": scope["method"], "path": scope["path"][:_LOGGED_PATH], "status": status}
            log.log(level, "request", extra={**told, "milliseconds": milliseconds})
            logs.request_id.reset(token)


class BodyLimit:
    """Answers 413 to a body of more than `limit` bytes, whether its length is announced or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # As FastAPI knows it, this error gets through its reading of the body and becomes the answer.
        too_large = HTTPException(413, f"A body has {self._limit} bytes at most.", {"Connection": "close"})
        left = self._limit

        async def receive_some() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise too_large
            return message

        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit:
            answer = errors.response(413, "body_too_large", too_large.detail, too_large.headers)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive_some, send)
