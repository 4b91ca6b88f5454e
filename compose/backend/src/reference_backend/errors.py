"""Errors as clients see them: a status, a code for programs and a message for people, always in the same form."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from reference_backend import logs

__all__ = ["UNAVAILABLE", "Problem", "install", "response"]

log = logging.getLogger(__name__)

_TOO_LARGE = 413

UNAVAILABLE = (psycopg.OperationalError, RedisError)
"""What is raised when the database or the cache cannot be reached, or does not answer in time."""


class Problem(Exception):
    """The request cannot be served; becomes the answer."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the answer for an error."""
    error = {"code": code, "message": message, "request_id": logs.request_id.get(), **more}
    return JSONResponse({"error": error}, status_code=status, headers=dict(headers or {}))


def install(app: FastAPI) -> None:
    """Turn what routes raise into answers."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  # registered for it
    return response(error.status, error.code, error.message, error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
    # Without the input: it may be a password.
    fields = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
    return response(422, "invalid_request", "The request does not have the right form.", fields=fields)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
    # The name of this status depends on the version of Python.
    code = "body_too_large" if error.status_code == _TOO_LARGE else HTTPStatus(error.status_code).name.lower()
    return response(error.status_code, code, str(error.detail), error.headers)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    part = "database" if isinstance(error, psycopg.Error) else "cache"
    log.warning("dependency unavailable", extra={"part": part, "reason": f"{type(error).__name__}: {error}"})
    return response(503, f"{part}_unavailable", f"The {part} does not answer.", {"Retry-After": "1"})
