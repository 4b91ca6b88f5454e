"""How a connection ends. The codes are part of the protocol and stand in the README."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Close", "CloseCode", "Gone"]


class CloseCode(IntEnum):
    """Why the server closes; 1009 (message too large), 1012 (restart) and protocol errors come from the library."""

    TOO_SLOW = 1008
    INTERNAL = 1011
    TRY_AGAIN_LATER = 1013
    TOO_MANY_BAD_MESSAGES = 4400
    BAD_TOKEN = 4401
    NO_TOKEN_IN_TIME = 4408
    IDLE = 4410
    TOO_MANY_CONNECTIONS = 4429


class Close(Exception):
    """The connection is to be closed; `error` is a code for programs, sent before."""

    def __init__(self, code: CloseCode, error: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.error = error
        self.message = message


class Gone(Exception):
    """The client has closed, or cannot be reached any more."""

    def __init__(self, code: int = 1006) -> None:
        super().__init__(str(code))
        self.code = code
