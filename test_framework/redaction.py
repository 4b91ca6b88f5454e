"""What is secret in a text, replaced by `***`, so that it is in no output, report or log.

`KNOWN` is the register of this process: what is in it is found in any text and in any encoding. `hide_known` goes by it
alone; `hide_secrets` hides what looks like a secret as well. docs/explanation/secrets.md says how one is looked for.
"""

from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from test_framework._secret import CUTS, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HIDDEN = "***"
"""What stands in the place of a secret."""

# Each begins where a word does, so that a long text is gone through once.
_CREDENTIALS = re.compile(r"(?P<scheme>(?<![\w+.-])[\w+.-]*://)(?P<user>[^\s:@/]*):(?P<secret>[^\s/]+)@")
_ALONE = re.compile(r"(?P<scheme>(?<![\w+.-])(?P<name>[\w+.-]*)://)(?P<secret>[^\s:@/?#'\"`,;<>()\[\]{}]+)@")
_ASSIGNED = re.compile(
    r"(?i)(?<![\w-])(?P<name>[\w-]*(?:password|passwd|secret|token))(?P<eq>['\"]?\s*[=:]\s*)"
    r"(?P<secret>'[^']*'|\"[^\"]*\"|[^\s&;,'\"]+)"
)
_HEADER = re.compile(r"(?P<name>(?i:(?<!\w)(?:bearer|basic))\s+)(?P<secret>[\w.~+/-]{16,}=*)")
_SECRET_PARAMETER = re.compile(r"(?i)(.*(password|passwd|secret|token)|pwd|api[_-]?key|sig|signature)")

_NAMED_ALONE = re.compile(r"(?i)(postgres(ql)?|ssh|sftp)(\+\w+)?")
"""Schemes where what stands before the `@`, without a colon, is a user's name; elsewhere, as in `nats://TOKEN@host`, it
may be a secret."""

_NEAR_SECRETS = ("://", "passw", "secret", "token", "bearer", "basic")
"""Small letters without one of which no pattern finds anything."""

_OUR_VARIABLES = re.compile(r"(STAGING|TEST_FRAMEWORK)_\w+|PGPASSWORD|REDISCLI_AUTH|DOCKER_AUTH_CONFIG")
SECRET_NAME = re.compile(r"(?i)\w*(password|passwd|passphrase|pass|secret|token|key|credentials?|auth)")
"""How the name of a variable ends whose value is a secret."""

_DOCKER_AUTH = re.compile(r'"auth"\s*:\s*"([A-Za-z0-9+/=]+)"')

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_MOST_SERVERS = 256
_MOST_PASSING = 128


class Register:
    """The secrets that a process knows of. Safe to use from several threads.

    What is configured stays. Of the servers' passwords, and of what belongs to one test, only the last ones are kept.
    """

    def __init__(self) -> None:
        self._configured: dict[tuple[str, str], Secret] = {}
        self._servers: dict[tuple[str, str], Secret] = {}
        self._passing: dict[tuple[str, str], Secret] = {}
        self._all: tuple[Secret, ...] = ()
        self._lock = threading.Lock()

    def configure(self, value: str, user: str = "") -> None:
        """Add a secret of the settings or of the environment."""
        self._add(self._configured, value, user, 0)

    def add(self, value: str, user: str = "") -> None:
        """Add the secret of a server."""
        self._add(self._servers, value, user, _MOST_SERVERS)

    def add_passing(self, value: str, user: str = "") -> None:
        """Add what belongs to one test, such as a token. A short one is hidden only where its place says what it is."""
        self._add(self._passing, value, user, _MOST_PASSING)

    def add_url(self, url: str, *, passing: bool = False) -> None:
        """Add the password of a URL, and what its parameters have."""
        for value, user in _in_url(url):
            (self.add_passing if passing else self.add)(value, user)

    def configure_text(self, text: str) -> None:
        """Add what a text of the settings or of the environment holds: in a URL, in pairs, in Docker's logins."""
        found = [*_in_url(text), *((_unquoted(m["secret"]), "") for m in _ASSIGNED.finditer(text))]
        for value, user in found:
            # A template is no secret yet.
            if "{" not in value:
                self.configure(value, user)
        for login in _DOCKER_AUTH.findall(text):
            import base64
            import binascii

            self.configure(login)
            try:
                user, _, password = base64.b64decode(login).decode(errors="replace").partition(":")
            except binascii.Error:
                continue
            self.configure(password, user)

    def configure_environment(self, env: Mapping[str, str], others: Iterable[str] = ()) -> None:
        """Add what our variables hold, and `others`, which may hold URLs."""
        for name in {*filter(_OUR_VARIABLES.fullmatch, env), *others}:
            value = env.get(name, "")
            if not value:
                continue
            if SECRET_NAME.fullmatch(name):
                user = name.removesuffix("PASSWORD") + "USERNAME" if name.endswith("PASSWORD") else ""
                self.configure(value, env.get(user, ""))
            self.configure_text(value)

    def _add(self, pool: dict[tuple[str, str], Secret], value: str, user: str, most: int) -> None:
        key = (value, user)
        with self._lock:
            if (known := pool.pop(key, None)) is not None:
                # The newest stand last, and the first go first.
                pool[key] = known
                return
            if not value.strip("*"):
                return
            pool[key] = Secret(value, user, short=pool is self._passing)
            if most and len(pool) > most:
                del pool[next(iter(pool))]
            found = [*self._configured.values(), *self._servers.values(), *self._passing.values()]
            # One may be a part of another.
            self._all = tuple(sorted(found, key=lambda secret: -len(secret.value)))

    def exported(self) -> list[tuple[str, str]]:
        """Return what another process has to know, that shows what this one tells it."""
        with self._lock:
            return [*self._configured, *self._servers]

    def hide(self, text: str) -> str:
        """Return the text with `***` for each secret."""
        known = self._all
        if not known or len(text) <= 1:
            return text
        for secret in known:
            text = secret.hidden(text)
        if any(cut in text for cut in CUTS):
            for secret in known:
                text = secret.hidden_if_cut(text)
        return self._hide_coloured(text) if "\x1b[" in text else text

    def _hide_coloured(self, text: str) -> str:
        """Hide what escape sequences for colours cut into pieces; a line that has such loses its colours."""
        if self.hide(plain := _COLOUR.sub("", text)) == plain:
            return text
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            plain = _COLOUR.sub("", line)
            if (hidden := self.hide(plain)) != plain:
                lines[number] = hidden
        return "".join(lines)


KNOWN = Register()
"""The register of this process, since all that it prints goes to the same readers."""


def may_hold_secrets(text: str) -> bool:
    """Whether `hide_secrets` may find something that is not known; most texts cannot hold it, which is seen at once."""
    small = text.lower()
    return any(word in small for word in _NEAR_SECRETS)


def hide_known(thing: Any) -> Any:
    """Return a text, or data of lists and dictionaries, with what is known as secret replaced by `***`."""
    if isinstance(thing, str):
        return KNOWN.hide(thing)
    if isinstance(thing, dict):
        return {hide_known(name): hide_known(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [hide_known(each) for each in thing]
    return thing


def hide_secrets(text: str) -> str:
    """Return `text` with what is known as secret replaced by `***`.

    So are passwords and tokens in URLs, the values of `password=…` pairs and the like, and logins of HTTP headers.
    """
    text = KNOWN.hide(text)
    if not may_hold_secrets(text):
        return text
    text = _CREDENTIALS.sub(lambda m: f"{m['scheme']}{m['user']}:{HIDDEN}@", text)
    text = _ALONE.sub(lambda m: m[0] if _NAMED_ALONE.fullmatch(m["name"]) else f"{m['scheme']}{HIDDEN}@", text)
    text = _HEADER.sub(lambda m: f"{m['name']}{HIDDEN}", text)
    return _ASSIGNED.sub(lambda m: f"{m['name']}{m['eq']}{HIDDEN}", text)


def hide_in_url(url: str) -> str:
    """Return a URL with its password, and those of its parameters, replaced by `***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return hide_secrets(url)
    parts = parts._replace(query=_without_secrets(parts.query), fragment=_without_secrets(parts.fragment))
    shown = urlunsplit(_without_password(parts))
    # It drops an empty host where it does not know the scheme, and drivers want it: postgresql:///name.
    return shown if "://" in shown or "://" not in url else shown.replace(":", "://", 1)


def _without_secrets(query: str) -> str:
    pairs = parse_qsl(query)
    return urlencode([(k, HIDDEN if _SECRET_PARAMETER.fullmatch(k) else v) for k, v in pairs], safe="/*:") or query


def _without_password(parts: SplitResult) -> SplitResult:
    """Hide the password by the last `@`, as URL parsers do, so that one with an `@` in it stays hidden."""
    userinfo, at, host = parts.netloc.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    if not at or (not colon and (not user or _NAMED_ALONE.fullmatch(parts.scheme))):
        return parts
    return parts._replace(netloc=f"{user}:{HIDDEN}@{host}" if colon else f"{HIDDEN}@{host}")


def _in_url(url: str) -> Iterable[tuple[str, str]]:
    """Yield the secrets of a URL, as they are and as it has them, each with its user."""
    if "://" not in url:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        found = [*_CREDENTIALS.finditer(url), *_ALONE.finditer(url)]
        yield from ((m["secret"], "") for m in found)
        return
    userinfo, at, _ = parts.netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    user = unquote(user)
    if at and colon:
        yield from ((form, user) for form in {password, unquote(password)} if form)
    elif at and user and not _NAMED_ALONE.fullmatch(parts.scheme):
        yield user, ""
    if "=" in url:
        for query in (parts.query, parts.fragment):
            yield from ((v, user) for k, v in parse_qsl(query) if _SECRET_PARAMETER.fullmatch(k))


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[:1] else text


def hide_output() -> None:
    """Hide what is known as secret in all that this process prints from now on, tracebacks too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _HidingStream):
            setattr(sys, name, _HidingStream(stream))


class _HidingStream:
    """A stream that hides what is known as secret in what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write it, hidden."""
        self._stream.write(KNOWN.hide(text))
        return len(text)
