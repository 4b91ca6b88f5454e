"""Cuts tables of plain data out of a source: they do not matter, and take long to parse.

A table is an assignment of a list of dictionaries, or of a dictionary, over several lines, with only texts, numbers,
`True`, `False`, `None`, brackets and comments inside. Its lines are told apart exactly; in doubt nothing is cut.
"""

from __future__ import annotations

import re

from test_framework.audit.source.lexical import STRING, is_nested
from test_framework.audit.source.text_walker import TextWalker

_TEXT = r"""[rRbBuU]{0,2}+ (?: "(?!"")(?:[^"\\\n]++|\\.)*+" | '(?!'')(?:[^'\\\n]++|\\.)*+' )"""
_VALUE = r"\b\d[\w.]*+ | \b(?:True|False|None)\b"
_PLAIN = rf"(?: [ \t,:+\-.(){{}}\[\]]++ | {_TEXT} | {_VALUE} | \#[^\n]*+ )"
_KEY = rf"(?:{_TEXT}|\d++)[ \t]*+:"
_HEAD = rf"\n(?P<indent>[ \t]*+)\w++[ \t]*+(?::[^=\n'\"\#\\]*+)?=[ \t]*+(?=\[\n\s*+\{{\s*+{_KEY}|\{{\n\s*+{_KEY})"
_START = re.compile(_HEAD, re.X)
# Goes to where one may start, over strings and comments.
_TO_TABLE = re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | \n(?!{_HEAD[2:].replace('?P<indent>', '')}) )*+", re.X)
_TABLE = re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | \n(?!{_HEAD[2:].replace('?P<indent>', '')}) )*+", re.X)
_DATA = re.compile(r"(?P<data> [\[{] (?:\n(?!(?P<indent>)[\]}]) PLAIN*+)*+ \n[ \t]*+[\]}] ) [ \t]*+(?=\n)", re.X)
_TABLE = re.compile(
    rf"{_HEAD} (?P<data> [\[{{] (?:\n(?!(?P=indent)[\]}}]) {_PLAIN}*+)*+ \n[ \t]*+[\]}}] ) [ \t]*+(?=\n)", re.X
)
_VALUES = re.compile(rf"(?: [\" \t\n,:+\-.(){{}}\[\]]++ | {_VALUE} )*+", re.X)
_PUNCTUATION = b'" \t\n,:+-.(){}[]0123456789'
_CUT = {"[": "[{}]", "{": "{0: 0}"}
_PAIRS = (("[", "]"), ("{", "}"), ("(", ")"))


def without_tables(text: str) -> str:
    """Return a source with next to nothing in its tables; each line keeps its number."""
    if ("= [\n" not in text and "= {\n" not in text) or is_nested(text):
        return text
    walker = TextWalker(text)
    parts, done, position = [], 0, 0
    while (head := _next_head(walker, position)) is not None:
        start, position = head.end(), head.end()
        end = _end_at_once(text, start, head["indent"]) or _end(text, head.start())
        if end:
            parts += [text[done:start], _CUT[text[start]], "\n" * text.count("\n", start, end)]
            done = position = end
    parts.append(text[done:])
    return "".join(parts)


def _next_head(walker: TextWalker, position: int) -> re.Match[str] | None:
    """Return the next place where a table may start; it ends where the data start."""
    found, sure = walker.search(_START, position)
    if sure:
        return found
    exact = _TO_TABLE.match(walker.text, position)
    return _START.match(walker.text, exact.end()) if exact else None


def _end_at_once(text: str, start: int, indent: str) -> int:
    """Return where the table ends whose data start here; 0 when it is no table, or not one of the simplest kind."""
    here, other = ("]", "}") if text[start] == "[" else ("}", "]")
    close = text.find(f"\n{indent}{here}", start)
    end = close + 2 + len(indent)
    if close < 0 or text.find(f"\n{indent}{other}", start, close) >= 0 or text[end : end + 1] != "\n":
        return 0
    data = text[start:end]
    if "'" in data or "\\" in data or "#" in data:
        return 0
    parts = data.split('"')
    outside = '"'.join(parts[::2])
    if len(parts) % 2 == 0 or "\n" in "".join(parts[1::2]) or not outside.isascii():
        return 0
    # What is left of nearly all of them is nothing.
    if outside.encode().translate(None, _PUNCTUATION) and not _VALUES.fullmatch(outside):
        return 0
    return end if _is_balanced(data) else 0


def _end(text: str, position: int) -> int:
    """Return the same for any table, from the newline before it."""
    table = _TABLE.match(text, position)
    return table.end("data") if table and _is_balanced(table["data"]) else 0


def _is_balanced(data: str) -> bool:
    return all(data.count(left) == data.count(right) for left, right in _PAIRS)
