"""Access tokens: JSON web tokens, signed by one pinned algorithm, each bound to a session."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt

from reference_backend.config import Settings

__all__ = ["ALGORITHM", "AccessTokens", "Claims", "TokenRefused"]

ALGORITHM = "HS256"
_TYPE = "at+jwt"
_LONGEST = 4096
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "sid"]

_REFUSALS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.ExpiredSignatureError, "token_expired", "The token has expired."),
    (jwt.InvalidAudienceError, "token_wrong_audience", "The token is for another audience."),
    (jwt.InvalidIssuerError, "token_wrong_issuer", "The token is from another issuer."),
    (jwt.InvalidAlgorithmError, "token_wrong_algorithm", f"Tokens are signed with {ALGORITHM}."),
    (jwt.InvalidSignatureError, "token_bad_signature", "The signature does not fit the token."),
    (jwt.MissingRequiredClaimError, "token_missing_claim", "A claim is missing."),
    (jwt.ImmatureSignatureError, "token_not_yet_valid", "The token is not valid yet."),
    (jwt.PyJWTError, "token_malformed", "This is no token of ours."),
)


class TokenRefused(Exception):
    """The token is not accepted."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says; times in seconds since 1970."""

    user_id: UUID
    session_id: str
    token_id: str
    issued_at: int
    expires_at: int


class AccessTokens:
    """Issues tokens and reads them."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.secret_key.get_secret_value()
        self._issuer = settings.issuer
        self._audience = settings.audience
        self.seconds = settings.access_token_seconds

    def issue(self, user_id: UUID, session_id: str) -> str:
        """Return a new token."""
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": session_id,
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + self.seconds,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"typ": _TYPE})

    def read(self, token: str) -> Claims:
        """Return what the token says; whether its session still lives is asked elsewhere.

        Raises:
            TokenRefused: It is not one of ours, or not any more.
        """
        if len(token) > _LONGEST:
            raise TokenRefused("token_malformed", "This is no token of ours.")
        try:
            return self._read(token)
        except jwt.PyJWTError as error:
            code, message = next((code, text) for kind, code, text in _REFUSALS if isinstance(error, kind))
            raise TokenRefused(code, message) from error
        except (ValueError, TypeError, RecursionError) as error:
            # What the library lets through of tokens that hold anything at all.
            raise TokenRefused("token_malformed", "This is no token of ours.") from error

    def _read(self, token: str) -> Claims:
        told: dict[str, Any] = jwt.decode_complete(
            token,
            self._key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            options={"require": _REQUIRED, "strict_aud": True},
        )
        if str(told["header"].get("typ", "")).lower() != _TYPE:
            raise TokenRefused("token_wrong_type", "This is no access token.")
        claims = told["payload"]
        return Claims(
            user_id=UUID(claims["sub"]),
            session_id=str(claims["sid"]),
            token_id=claims["jti"],
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
        )
