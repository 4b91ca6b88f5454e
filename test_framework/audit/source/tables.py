"""Cuts tables of plain data out of a source: nobody asks what is in them, and they are a large part of what is parsed.

A table is an assignment of a list of dictionaries, or of a dictionary, over several lines, with only texts, numbers,
`True`, `False`, `None`, brackets and comments inside. Its lines are told apart exactly; in doubt nothing is cut.
"""

from __future__ import annotations

import re

from test_framework.audit.source.skeleton import STRING, is_nested

__all__ = ["without_tables"]

_TEXT = r"""[rRbBuU]{0,2}+ (?: "(?!"")(?:[^"\\\n]++|\\.)*+" | '(?!'')(?:[^'\\\n]++|\\.)*+' )"""
_PLAIN = rf"(?: [ \t,:+\-.(){{}}\[\]]++ | {_TEXT} | \b\d[\w.]*+ | \b(?:True|False|None)\b | \#[^\n]*+ )"
_KEY = rf"(?:{_TEXT}|\d++)[ \t]*+:"
_HEAD = rf"\n(?P<indent>[ \t]*+)\w++[ \t]*+(?::[^=\n'\"\#\\]*+)?=[ \t]*+(?=\[\n\s*+\{{\s*+{_KEY}|\{{\n\s*+{_KEY})"
# Goes to where one may start, over strings and comments.
_TO_TABLE = re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | \n(?!{_HEAD[2:].replace('?P<indent>', '')}) )*+", re.X)
_TABLE = re.compile(
    rf"{_HEAD} (?P<data> [\[{{] (?:\n(?!(?P=indent)[\]}}]) {_PLAIN}*+)*+ \n[ \t]*+[\]}}] ) [ \t]*+(?=\n)", re.X
)
_CUT = {"[": "[{}]", "{": "{0: 0}"}
_PAIRS = (("[", "]"), ("{", "}"), ("(", ")"))


def without_tables(text: str) -> str:
    """Return a source with next to nothing in its tables; each line keeps its number."""
    if ("= [\n" not in text and "= {\n" not in text) or is_nested(text):
        return text
    parts, done, position = [], 0, 0
    while (found := _TO_TABLE.match(text, position)) and (found.end() < len(text)):
        position = found.end()
        table = _TABLE.match(text, position)
        if table is None:
            if text[position] != "\n":
                break  # a string that does not end
            position += 1
            continue
        data, position = table["data"], table.end()
        if all(data.count(left) == data.count(right) for left, right in _PAIRS):
            parts += [text[done : table.start("data")], _CUT[data[0]], "\n" * data.count("\n")]
            done = position
    parts.append(text[done:])
    return "".join(parts)
