"""What is secret in a text, replaced by `***`, so that it is in no output, report or log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HIDDEN", "hide_in_url", "hide_known", "hide_secrets", "may_hold_secrets"]

HIDDEN = "***"
"""What stands in the place of a secret."""

# Each begins where a word does, so that a long text is gone through once.
_CREDENTIALS = re.compile(r"(?P<scheme>(?<![\w+.-])[\w+.-]*://)(?P<user>[^\s:@/]*):(?P<secret>[^\s/]+)@")
_ALONE = re.compile(r"(?P<scheme>(?<![\w+.-])(?P<name>[\w+.-]*)://)[^\s:@/?#'\"`,;<>()\[\]{}]+@")
_ASSIGNED = re.compile(
    r"(?i)(?<![\w-])(?P<name>[\w-]*(?:password|passwd|secret|token))(?P<eq>['\"]?\s*[=:]\s*)"
    r"(?P<secret>'[^']*'|\"[^\"]*\"|[^\s&;,'\"]+)"
)
_SECRET_PARAMETERS = ("password", "sslpassword", "token", "secret", "access_token")

_NAMED_ALONE = re.compile(r"(?i)(postgres(ql)?|ssh|sftp)(\+\w+)?")
"""Schemes where what stands before the `@`, without a colon, is a user's name; elsewhere, as in `nats://TOKEN@host`, it
may be a secret."""

_NEAR_SECRETS = ("://", "passw", "secret", "token")
"""Small letters without one of which neither pattern finds anything."""


def may_hold_secrets(text: str) -> bool:
    """Whether `hide_secrets` may find something by itself; most texts cannot hold it, which is known at once."""
    small = text.lower()
    return any(word in small for word in _NEAR_SECRETS)


def hide_known(text: str, known: Iterable[str]) -> str:
    """Return `text` with what is known as secret replaced by `***`, and nothing else."""
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return text


def hide_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return `text` with what is known as secret replaced by `***`.

    So are passwords and tokens in URLs, and the values of `password=…` pairs and the like.
    """
    text = hide_known(text, known)
    if not may_hold_secrets(text):
        return text
    text = _CREDENTIALS.sub(lambda m: f"{m['scheme']}{m['user']}:{HIDDEN}@", text)
    text = _ALONE.sub(lambda m: m[0] if _NAMED_ALONE.fullmatch(m["name"]) else f"{m['scheme']}{HIDDEN}@", text)
    return _ASSIGNED.sub(lambda m: f"{m['name']}{m['eq']}{HIDDEN}", text)


def hide_in_url(url: str) -> str:
    """Return a URL with its password, and those of its parameters, replaced by `***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return hide_secrets(url)
    if parts.query:
        query = [(k, HIDDEN if k.lower() in _SECRET_PARAMETERS else v) for k, v in parse_qsl(parts.query)]
        parts = parts._replace(query=urlencode(query, safe="/*:"))
    shown = urlunsplit(_without_password(parts))
    # It drops an empty host where it does not know the scheme, and drivers want it: postgresql:///name.
    return shown if "://" in shown or "://" not in url else shown.replace(":", "://", 1)


def _without_password(parts: SplitResult) -> SplitResult:
    """Hide the password by the last `@`, as URL parsers do, so that one with an `@` in it stays hidden."""
    userinfo, at, host = parts.netloc.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    if not at or (not colon and (not user or _NAMED_ALONE.fullmatch(parts.scheme))):
        return parts
    return parts._replace(netloc=f"{user}:{HIDDEN}@{host}" if colon else f"{HIDDEN}@{host}")
