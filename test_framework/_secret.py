"""One secret, and how it is found in a text: plain, encoded, cut short, or only where its place says what it is."""

from __future__ import annotations

import base64
import re
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HIDDEN = "***"
_ANYWHERE = 8
"""From so many letters on a secret is replaced wherever it stands."""

_AS_A_WORD = 4
"""From so many letters on it is replaced where no letter, digit or `_` is beside it."""

_WORDS = frozenset(
    {"admin", "auth", "backend", "clickhouse", "default", "docker", "embedded", "error", "explicit", "failed", "false"}
    | {"guest", "localhost", "none", "null", "pass", "passed", "password", "passwd", "postgres", "postgresql", "redis"}
    | {"root", "secret", "skipped", "staging", "test", "tests", "token", "true", "unit", "user"}
)
"""Passwords that every text of ours is full of."""

_PLAIN = re.compile(r"[\w.~-]", re.ASCII)
"""Letters that no encoding changes."""

# A word also begins after an encoded sign, as in %3Asecret, and after an escaped end of line.
_BEGINS = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
_ENDS = r"(?!\w)"
_BY_NAME = (
    r"""(?i:(?<![^\W_])[\w-]*(?:pass|password|passwd|pwd|secret|token|auth)\\*['"]?\]?\s*(?:[=:]|%3d)\s*\\*['"]?)"""
)
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_LEAST_BASE64 = 6
_LEAST_CUT = 4
CUTS = ("...", "…")
"""What stands where a text was cut; the same from behind."""

_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t"}


class Secret:
    """A secret; the patterns are made when the first text is looked through.

    Args:
        value: As it is, not encoded.
        user: Whose it is, where that is known: logins of HTTP have both in one text.
        short: Whether it is never looked for as a word alone.
    """

    def __init__(self, value: str, user: str = "", *, short: bool = False) -> None:
        self.value = value
        self._user = user
        word = value.casefold()
        telling = word != user.casefold() and word not in _WORDS and (not value.isdigit() or len(value) >= _ANYWHERE)
        self._anywhere = telling and len(value) >= _ANYWHERE
        self._as_word = telling and not self._anywhere and len(value) >= _AS_A_WORD and not short

    def __repr__(self) -> str:
        return "<Secret>"

    def hidden(self, text: str) -> str:
        """Return the text without it."""
        for part, replace in self._ways:
            if part in text:
                text = replace(text)
        return text

    def hidden_if_cut(self, text: str) -> str:
        """Return the text without what is left of it beside `...`, as where pytest shortens a value."""
        if not self._anywhere:
            return text
        for form in self._written:
            if form[:_LEAST_CUT] in text:
                text = _without_begin(text, form)
            if form[-_LEAST_CUT:] in text:
                text = _without_begin(text[::-1], form[::-1])[::-1]
        return text

    @cached_property
    def _ways(self) -> tuple[tuple[str, Callable[[str], str]], ...]:
        """Pairs of a text that has to be there, which is asked at once, and what replaces the secret then."""
        return tuple(self._found_by())

    @cached_property
    def _written(self) -> tuple[str, ...]:
        encoded = quote(self.value, safe="", errors="replace")
        return tuple({self.value, encoded, repr(self.value)[1:-1], *self._in_base64()})

    def _found_by(self) -> Iterator[tuple[str, Callable[[str], str]]]:
        value = self.value
        pattern = "".join(map(_encoded, value))
        # The longest part that is the same in all encodings.
        part = max("".join(c if _PLAIN.match(c) else " " for c in value).split(" "), key=len)
        if self._anywhere and part == value and not value.isdigit():
            yield part, lambda text: text.replace(value, _HIDDEN)
        elif self._anywhere or self._as_word:
            number = r"(?<!\d\.)" if value.isdigit() else ""
            more = r"(?!\.?\d)" if value.isdigit() else ""
            bounds = (f"{_BEGINS}{number}", f"{_ENDS}{more}") if self._as_word or value.isdigit() else ("", "")
            whole = re.compile(f"{bounds[0]}{pattern}{bounds[1]}")
            yield part, lambda text: whole.sub(_HIDDEN, text)
        else:
            alone = "" if self._user else "|/\\\\*/"
            in_url = rf"/\\*/[^\s/@:]*:{alone}|%(?:25)*3[aA]"
            told = re.compile(
                rf"(?P<login>{in_url}){pattern}(?=@|%(?:25)*40)|(?P<name>{_BY_NAME}){pattern}{_ENDS}", re.ASCII
            )
            yield part, lambda text: told.sub(lambda m: f"{m['login'] or m['name']}{_HIDDEN}", text)
        for form in dict.fromkeys(self._in_base64()):
            yield form, lambda text, form=form: _without_base64(text, form)  # type: ignore[misc]  # its own

    def _in_base64(self) -> Iterator[str]:
        for login in (f"{self._user}:{self.value}", *([self.value] if self._as_word else [])):
            form = base64.b64encode(login.encode(errors="replace")).decode().rstrip("=")
            yield from {form, form.translate(_FOR_URLS)} if len(form) >= _LEAST_BASE64 else ()
        if not self._anywhere:
            return
        raw = self.value.encode(errors="replace")
        # What stands before decides on which of three places in a group of letters it begins.
        for before in range(3):
            text = base64.b64encode(bytes(before) + raw).decode()
            form = text[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
            yield from {form, form.translate(_FOR_URLS)}


_FOR_URLS = str.maketrans("+/", "-_")


def _encoded(letter: str) -> str:
    """Return a pattern for one letter of a secret as URLs, JSON, XML, Python and shells write it, however nested."""
    if _PLAIN.match(letter):
        return re.escape(letter)
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in letter.encode(errors="replace"))
    forms = [re.escape(letter), f"(?i:{percent})", rf"(?i:&(?:amp;)*#(?:0*{ord(letter)}|x0*{ord(letter):x});)"]
    units = letter.encode("utf-16-be", errors="replace")
    forms.append("(?i:" + "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + ")")
    if ord(letter) < 256:  # noqa: PLR2004  # as Python writes letters of one byte
        forms.append(rf"(?i:\\+x{ord(letter):02x})")
    if letter in _ENTITIES:
        forms.append(f"&(?:amp;)*{_ENTITIES[letter]};")
    if letter in _ESCAPES:
        forms.append(rf"\\+{_ESCAPES[letter]}")
    if letter == " ":
        forms.append(r"\+")
    if letter == "'":
        # In a shell a quoted text ends before it, and begins again.
        forms = [r"\\*".join("'\"'\"'"), r"'\\+'\\*'", *forms]
    if letter == "\\":
        forms.append(r"\\+")
    return rf"\\*(?:{'|'.join(forms)})"


def _without_base64(text: str, form: str) -> str:
    """Return the text without each run of base64 in which `form` stands."""
    at = text.find(form)
    while at >= 0:
        begin, end = at, at + len(form)
        while begin and text[begin - 1] in _BASE64 and text[begin - 1] != "=":
            begin -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        text = f"{text[:begin]}{_HIDDEN}{text[end:]}"
        at = text.find(form, begin + len(_HIDDEN))
    return text


def _without_begin(text: str, form: str) -> str:
    """Return the text without each begin of `form` that is cut off there."""
    begin = form[:_LEAST_CUT]
    at = text.find(begin)
    while at >= 0:
        pairs = zip(text[at : at + len(form)], form, strict=False)
        length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        # The secret may go on with a dot, as the cut does.
        for end in range(at + length, max(at + length - 3, at + _LEAST_CUT - 1), -1):
            if text.startswith(CUTS, end):
                text = f"{text[:at]}{_HIDDEN}{text[end:]}"
                break
        at = text.find(begin, at + 1)
    return text
