"""Finds the functions of a source by regular expressions, five times faster than a parser does.

`def` cannot stand inside an expression, so one at the start of a line starts a function unless the line is inside a
string; and its body ends at the first line that is indented no deeper, unless that line is inside a string or a bracket
or goes on from the line before. Where no string goes over the end of a line, or only such as are told at a glance, and
the line cannot stand inside an expression either, there is nothing more to look at: one expression takes in the whole
function, and that is nearly all of a suite. Else strings, comments and brackets are told apart exactly.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.source import lexical
from test_framework.audit.source.lexical import OPAQUE, STRING
from test_framework.audit.source.text_walker import CannotTell, TextWalker

if TYPE_CHECKING:
    from collections.abc import Iterator

_INNER = r"""[^()\[\]{}'"\#\\]++ | "(?!"")(?:[^"\\\n]++|\\.)*+" | '(?!'')(?:[^'\\\n]++|\\.)*+' | \#[^\n]*+"""


def _in_brackets(depth: int) -> str:
    """Return an expression for brackets with what is in them."""
    inside = f"{_INNER} | {_in_brackets(depth - 1)}" if depth else _INNER
    return rf"[(\[{{] (?: {inside} )*+ [)\]}}]"


_HEADER = rf"{_in_brackets(3)} [ \t]*+ (?: -> (?: [^()\[\]{{}}'\"\#\\:\n]++ | \"\w++\" | {_in_brackets(2)} )*+ )?+ :"
# What cannot stand inside an expression. What `set` is may do so, but only after a comma or the start of a bracket.
_STATEMENT = rf"""
    (?: (?:async[ \t]++)?+ (?:def|class|with) \b
      | (?:import|try|while|raise|return|assert|del|pass|except|finally|elif|break|continue|global|nonlocal) \b
      | else [ \t]*+ :
      | from [ \t]++ [\w.]++ [ \t]++ import \b
      | (?: @ [ \t]*+ [\w.]++ (?: {_in_brackets(4)} )?+ [ \t]*+ (?:\#[^\n]*+)?+ \n [ \t]*+ )++
        (?:async[ \t]++)?+ (?:def|class) \b
      | (?P<set> \w++ [ \t]*+ =(?!=) )
    )
"""
_DEF = re.compile(
    rf"""
    \n (?P<indent>[ \t]*+) (?:async[ \t]++)?def\b (?P<word>)
    (?: [ \t]++ \w++ [ \t]*+ (?: \([\w \t\n,*]*+\) [ \t]*+ : | {_HEADER} )
        (?P<body>(?= [ \t\f]*+ (?:\#[^\n]*+)?+ \n )) [^\n]*+
        (?: \s*+ (?P<text>) \"\"\" [^"\\]*+ (?: "(?!"") [^"\\]*+ )*+ \"\"\" (?P<told>) [ \t]*+ (?=\n) )?+
        (?: \n (?: (?P=indent)[ \t] [^\n]*+ | [ \t]*+ (?: \#[^\n]*+ | (?=\n) | \Z ) ) )*+
        (?P<end> \n (?P<here>[ \t]*+) (?P<sure>{_STATEMENT})?+ | \Z )
    )?+
    """,
    re.X,
)
_TO_DEF = re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | \n(?![ \t]*+(?:async[ \t]++)?def\b) )*+", re.X)
_HEADER_TOKEN = re.compile(rf"{STRING} | [()\[\]{{}}:] | \blambda\b | \n", re.X)
_BLOCK = re.compile(r"[ \t\f]*+(?:#[^\n]*+)?+\n")
_START = re.compile(rf"(?P<here>[ \t]*+) {_STATEMENT}", re.X)


class FunctionSpan(NamedTuple):
    """Where a function stands, in characters from the start of the text."""

    start: int  # its `def` line's first character
    body: int  # the first character after the header's colon
    end: int  # the first character of the line after the body: blank lines and comments that follow belong to it
    line: int  # the number of its `def` line, from 1
    lines: int  # how many ends of lines are in its body


@lru_cache(maxsize=1)
def functions(text: str) -> tuple[FunctionSpan, ...] | None:
    r"""Return the functions and methods that are inside of no other function and have a body below their header.

    Args:
        text: A source with `\n` at the ends of its lines.

    Returns:
        They in their order, or None for a text in which they cannot be told safely.
    """
    try:
        return tuple(_Scanner(text).functions()) if lexical.RELIABLE else None
    except CannotTell:
        return None


class _Scanner:
    """Walks through one text from function to function."""

    def __init__(self, text: str) -> None:
        # A line before the first, so that each line has a newline before it.
        self.text = "\n" + text
        self.walker = TextWalker(self.text)

    def functions(self) -> Iterator[FunctionSpan]:
        """Yield the functions of the text."""
        text, position, line, counted = self.text, 0, 0, 0
        if "\f" in text and re.search(r"\n[ \t]+\f", text):
            # It resets the indentation: what follows it may stand elsewhere than it seems.
            raise CannotTell
        while (found := self._next_def(position)) is not None:
            start, body = found.start() + 1, found.end("body")
            if body >= 0:
                end = self._end_at_once(found)
            else:
                word = found.end("word")
                header = self._header(word)
                if header is None or _BLOCK.match(text, header) is None:
                    # On one line, or a header that is not understood: read on inside of it.
                    position = word if header is None else header
                    continue
                body, end = header, self._end(header, found["indent"])
            line += text.count("\n", counted, start)
            lines = text.count("\n", body, end)
            yield FunctionSpan(start - 1, body - 1, end - 1, line, lines)
            line += text.count("\n", start, body) + lines
            counted, position = end, end - 1

    def _next_def(self, position: int) -> re.Match[str] | None:
        """Return the next `def` at the start of a line and outside of strings."""
        found, sure = self.walker.search(_DEF, position)
        if sure:
            return found
        self.walker.tell()
        end = _skip(_TO_DEF, self.text, position)
        if end == len(self.text):
            return None
        if (found := _DEF.match(self.text, end)) is None:
            raise CannotTell
        return found

    def _header(self, position: int) -> int | None:
        """Return where the header ends whose `def` ends at this position; None when it is not understood."""
        self.walker.tell()
        depth = 0
        for token in _HEADER_TOKEN.finditer(self.text, position):
            match token[0]:
                case "(" | "[" | "{":
                    depth += 1
                case ")" | "]" | "}":
                    depth -= 1
                case ":" if depth == 0:
                    return token.end()
                case "\n" | "lambda" if depth == 0:
                    return None
                case _:
                    pass
        return None

    def _end_at_once(self, found: re.Match[str]) -> int:
        """Return the first position of the line after a function that was matched whole."""
        position, end, indent = found.end("body"), found.start("end"), found["indent"]
        at = self.walker.mark(position)
        if at == found.start("text"):
            position = found.end("told")
            at = self.walker.mark(position)
        if at < end:
            return self._end(position, indent)
        if end == len(self.text):
            return end
        if found.start("sure") >= 0 and indent.startswith(found["here"]) and self._is_start(found, end):
            return end + 1
        self.walker.tell()
        return self._exact_end(position, indent)

    def _is_start(self, found: re.Match[str], end: int) -> bool:
        """Whether a line starts a statement that starts like one; `a = 1` may be in brackets, after a comma."""
        if found.start("set") < 0:
            return True
        while (start := self.text.rfind("\n", 0, end)) >= 0:
            line = self.text[start + 1 : end].strip()
            if line and line[0] != "#":
                return "#" not in line and line[-1] not in "([{," and not line.endswith("lambda")
            end = start
        return False

    def _end(self, body: int, indent: str) -> int:
        """Return the same for one of which only the header is known."""
        text = self.text
        found, sure = self.walker.search(_dedent(indent), body)
        if sure and found is None:
            return len(text)
        statement = _START.match(text, found.end()) if sure and found else None
        if found and statement and indent.startswith(statement["here"]) and self._is_start(statement, found.start()):
            return found.end()
        self.walker.tell()
        return self._exact_end(body, indent)

    def _exact_end(self, body: int, indent: str) -> int:
        """Return the same, with strings, comments and brackets told apart."""
        text, position, depth = self.text, body, 0
        while (stop := _skip(_to_dedent(indent), text, position)) < len(text):
            if text[stop] != "\n":
                raise CannotTell
            code = OPAQUE.sub("", text[position:stop])
            depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
            position = stop + 1
            if depth == 0 and (here := self._column(position)) is not None:
                if indent.startswith(here):
                    return position
                if not here.startswith(indent):
                    # Tabs and spaces in one indentation.
                    raise CannotTell
        return len(text)

    def _column(self, position: int) -> str | None:
        """Return the indentation of the line that starts here, which a form feed resets; None when it is blank."""
        line = self.text[position : self.text.find("\n", position) % (len(self.text) + 1)]
        code = line.lstrip(" \t\f")
        return None if code[:1] in {"", "#"} else line[: len(line) - len(code)].rpartition("\f")[2]


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Return where a pattern that may be empty ends."""
    found = pattern.match(text, position)
    return position if found is None else found.end()


@cache
def _dedent(indent: str) -> re.Pattern[str]:
    """Return a pattern for the newline before a line that is indented no deeper and not blank."""
    return re.compile(rf"\n(?!{indent}[ \t])(?![ \t]*+(?:[#\n]|\Z))")


@cache
def _to_dedent(indent: str) -> re.Pattern[str]:
    """Return a pattern that goes to that newline, over strings."""
    inside = rf"\n(?=[ \t]*+(?:[#\n]|\Z))|\n(?={re.escape(indent)}[ \t])"
    return re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | {inside} )*+", re.X)
