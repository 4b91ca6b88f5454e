"""Logs: one JSON object per line on standard output, with the request they belong to and without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

__all__ = ["configure", "connection_id", "request_id", "user_id"]

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
connection_id: ContextVar[str | None] = ContextVar("connection_id", default=None)
user_id: ContextVar[str | None] = ContextVar("user_id", default=None)

_CONTEXT = {"request_id": request_id, "connection_id": connection_id, "user_id": user_id}
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_HIDDEN = "[hidden]"
_SECRET_NAME = re.compile(r"password|secret|token|authorization|cookie|verifier|api_?key", re.I)
_SECRET_TEXT = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|(?<=://)[^/\s@]*:[^/\s@]*(?=@)"  # user and password in a URL
    r"|(?<=password=)\S+",  # libpq's way to name one
    re.I,
)


class _JsonFormatter(logging.Formatter):
    """Writes the record's message as `event`, and what was given as `extra` beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _clean(record.getMessage()),
            "logger": record.name,
            "pid": record.process,
        }
        told |= {name: value for name, var in _CONTEXT.items() if (value := var.get()) is not None}
        for name, value in vars(record).items():
            if name not in _OWN:
                told[name] = _HIDDEN if _SECRET_NAME.search(name) else _clean(value)
        if record.exc_info:
            told["exception"] = _clean(self.formatException(record.exc_info))
        return json.dumps(told, default=str)


def _clean(value: object) -> object:
    return _SECRET_TEXT.sub(_HIDDEN, value) if isinstance(value, str) else value


def configure(level: str) -> None:
    """Send all logs of this process through the JSON formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Uvicorn says at INFO what we say ourselves, with the query of the URL, where secrets may be;
    # the libraries below say at INFO what their callers report.
    for name in ("uvicorn", "websockets", "httpx", "httpcore", "alembic", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)
