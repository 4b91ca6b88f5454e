"""Cuts the bodies of functions out of a source: what is left runs at import, and is parsed several times faster.

A parser that gives a whole tree reads 5 MB a second, and of a suite of tests three quarters are bodies of functions.
They are found here by regular expressions, as follows. `def` cannot stand inside an expression, so one at the start of
a line starts a function unless the line is inside a string; and its body ends at the first line that is indented no
deeper, unless that line is inside a string or a bracket or goes on from the line before. Where no string goes over the
end of a line, or only such as are told at a glance, and the line starts with a word that cannot stand inside an
expression either, there is nothing more to look at: that is nearly all of a suite. Else strings, comments and brackets
are told apart exactly. In doubt nothing is cut.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KEPT", "OPAQUE", "RELIABLE", "STRING", "Function", "functions", "is_nested", "skeleton", "unix_lines"]

RELIABLE = sys.version_info >= (3, 11, 5)
"""Before, possessive repetitions went wrong (gh-106052): then nothing is cut."""
KEPT = ("global", "sys.modules", "sys.path", "allow_module_level", "exec(")
"""A function whose body has one of these stays whole: it may change its module when it is called at import."""
STRING = r"""
    \"\"\" (?: [^"\\]++ | \\(?s:.) | "(?!"") )*+ \"\"\"
  | ''' (?: [^'\\]++ | \\(?s:.) | '(?!'') )*+ '''
  | "(?!"") (?: [^"\\\n]++ | \\(?s:.) )*+ "
  | '(?!'') (?: [^'\\\n]++ | \\(?s:.) )*+ '
  | \#[^\n]*+
  | \\(?s:.)
"""
"""Strings, comments and what a backslash hides, for `re.X`: they hold no brackets that count."""
OPAQUE = re.compile(STRING, re.X)
_DEF = re.compile(r"\n([ \t]*+)(?:async[ \t]++)?def\b")
_TO_DEF = re.compile(rf"(?: [^'\"\#\\\n]++ | {STRING} | \n(?![ \t]*+(?:async[ \t]++)?def\b) )*+", re.X)
_HEADER = re.compile(
    r"""
    \s*+ \w++ [ \t]*+
    \( (?: [^()\[\]{}'"\#\\]++ | \[[^()\[\]{}'"\#\\]*+\] | \([^()\[\]{}'"\#\\]*+\) | "[^"\\\n]++" | '[^'\\\n]++' )*+ \)
    [ \t]*+ (?: -> (?: [^()\[\]{}'"\#\\:\n]++ | \[[^()\[\]{}'"\#\\]*+\] )*+ )?+ :
    """,
    re.X,
)
_HEADER_TOKEN = re.compile(rf"{STRING} | [()\[\]{{}}:] | \blambda\b | \n", re.X)
_ODD = re.compile(r"""['"#\\]""")  # before it on a line, quotes may be other than they seem
_BLOCK = re.compile(r"[ \t\f]*+(?:#[^\n]*+)?+\n")
_STATEMENT = re.compile(  # these words and marks cannot stand inside an expression
    r"""
    [ \t]*+
    (?: (?:async[ \t]++)?+ (?:def|class|with) \b
      | (?:import|try|while|raise|return|assert|del|pass|except|finally|elif|break|continue|global|nonlocal) \b
      | else [ \t]*+ :
      | from [ \t]++ [\w.]++ [ \t]++ import \b
      | (?: @ [^\n"']*+ (?: "[^"\\\n]++" [^\n"']*+ | '[^'\\\n]++' [^\n"']*+ )*+ \n [ \t]*+ )++
        (?:async[ \t]++)?+ (?:def|class) \b
    )
    """,
    re.X,
)
# Since 3.12 the same quotes may stand inside an f-string: what these find is not told apart here.
_NESTED = sys.version_info >= (3, 12)
_F_PREFIX = re.compile(r"[fFtT][rR]?\Z")
_NESTED_QUOTES = re.compile(
    r"""
    [fFtT] [rR]?+
    (?: "(?!"")[^"\n]*\{[^"\n}]*" | '(?!'')[^'\n]*\{[^'\n}]*' | (\"\"\"|''')(?:(?!\1)(?s:.))*\{[^}]*\1 )
    """,
    re.X,
)


@dataclass(frozen=True, slots=True)
class Function:
    """Where a function stands, in characters from the start of the text.

    Attributes:
        start: Its `def` line's first character.
        body: The first character after the header's colon.
        end: The first character of the line after the body: blank lines and comments that follow belong to it.
        line: The number of its `def` line, from 1.
    """

    start: int
    body: int
    end: int
    line: int


class _Unsure(Exception):
    """The text cannot be cut safely."""


def skeleton(text: str) -> str:
    r"""Return the text with `...` for the bodies of functions; each line keeps its number.

    Decorators, defaults, annotations, class bodies and blocks stay. A body on the line of its header stays too, and so
    do those that may change their module (`KEPT`). Nothing is raised: a text that cannot be cut safely comes back as it
    is, and one that does not parse may come back as one that does. `\r\n` becomes `\n`, as the parser reads it.
    """
    text = unix_lines(text)
    words = [word for word in KEPT if word in text]
    parts, done = [], 0
    found = functions(text)
    for function in found or ():
        if any(text.find(word, function.body, function.end) >= 0 for word in words):
            continue
        parts += [text[done : function.body], " ...", "\n" * text.count("\n", function.body, function.end)]
        done = function.end
    parts.append(text[done:])
    return "".join(parts)


@lru_cache(maxsize=1)
def functions(text: str) -> tuple[Function, ...] | None:
    r"""Return the functions and methods that are inside of no other function and have a body below their header.

    Args:
        text: A source with `\n` at the ends of its lines.

    Returns:
        They in their order, or None for a text in which they cannot be told safely.
    """
    try:
        return tuple(_Scanner(text).functions()) if RELIABLE else None
    except _Unsure:
        return None


def is_nested(text: str) -> bool:
    """Whether quotes may stand inside quotes of the same kind, so that `STRING` does not find the end of a string."""
    return not RELIABLE or (_NESTED and _NESTED_QUOTES.search(text) is not None)


def unix_lines(text: str) -> str:
    """Return the text with the ends of lines that the parser makes of it."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class _Scanner:
    """Walks through one text from function to function."""

    def __init__(self, text: str) -> None:
        # A line before the first, so that each line has a newline before it.
        self.text = "\n" + text
        self.marks = dict.fromkeys(('"""', "'''", "\\\n"), -1)
        self.next_mark = (-1, "")
        self.exact_so_far = False
        if "\f" in text and re.search(r"\n[ \t]+\f", self.text):
            # It resets the indentation: what follows it may stand elsewhere than it seems.
            raise _Unsure

    def functions(self) -> Iterator[Function]:
        """Yield the functions of the text."""
        text, position, line, counted = self.text, 0, 0, 0
        while (found := self._next_def(position)) is not None:
            start = found.start() + 1
            body = self._header(found.end())
            if body is None or _BLOCK.match(text, body) is None:
                # On one line, or a header that is not understood: read on inside of it.
                position = found.end() if body is None else body
                continue
            end = self._end(body, found[1])
            line += text.count("\n", counted, start)
            counted = start
            yield Function(start - 1, body - 1, end - 1, line)
            position = end - 1

    def _mark(self, position: int) -> int:
        """Return where, from this position on, something may take a string or a statement over the end of a line."""
        if self.next_mark[0] < position:
            for mark, at in self.marks.items():
                if at < position:
                    found = self.text.find(mark, position)
                    self.marks[mark] = sys.maxsize if found < 0 else found
            self.next_mark = min((at, mark) for mark, at in self.marks.items())
        return self.next_mark[0]

    def _search(self, pattern: re.Pattern[str], position: int) -> tuple[re.Match[str] | None, bool]:
        """Return the next match outside of strings and of continued lines, and whether it is sure."""
        text = self.text
        found = pattern.search(text, position)
        while found is not None:
            if found.start() < (at := self._mark(position)):
                return found, True
            mark = self.next_mark[1]
            before = max(position, text.rfind("\n", 0, at))
            if _ODD.search(text, before, at) or (_NESTED and mark != "\\\n" and _F_PREFIX.search(text, before, at)):
                return found, False
            position = at + len(mark)
            if mark != "\\\n":
                close = text.find(mark, position)
                if close < 0 or text.find("\\", position, close) >= 0:
                    return found, False
                position = close + len(mark)
            if found.start() < position:
                found = pattern.search(text, position)
        return None, True

    def _exact(self) -> None:
        """Make sure that strings can be told apart in this text."""
        if not self.exact_so_far and is_nested(self.text):
            raise _Unsure
        self.exact_so_far = True

    def _next_def(self, position: int) -> re.Match[str] | None:
        """Return the next `def` at the start of a line and outside of strings."""
        found, sure = self._search(_DEF, position)
        if sure:
            return found
        self._exact()
        end = _skip(_TO_DEF, self.text, position)
        if end == len(self.text):
            return None
        if (found := _DEF.match(self.text, end)) is None:
            raise _Unsure
        return found

    def _header(self, position: int) -> int | None:
        """Return where the header ends whose `def` ends at this position; None when it is not understood."""
        if quick := _HEADER.match(self.text, position):
            return quick.end()
        self._exact()
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

    def _end(self, body: int, indent: str) -> int:
        """Return the first position of the line after the body that starts after a header."""
        text = self.text
        found, sure = self._search(_dedent(indent), body)
        if sure and found is None:
            return len(text)
        if sure and found and (statement := _STATEMENT.match(text, found.end())):
            here = _indentation(statement[0])
            if indent.startswith(here):
                return found.end()
        self._exact()
        return self._exact_end(body, indent)

    def _exact_end(self, body: int, indent: str) -> int:
        """Return the same, with strings, comments and brackets told apart."""
        text, position, depth = self.text, body, 0
        while (stop := _skip(_to_dedent(indent), text, position)) < len(text):
            if text[stop] != "\n":
                raise _Unsure
            code = OPAQUE.sub("", text[position:stop])
            depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
            position = stop + 1
            if depth == 0 and (here := self._column(position)) is not None:
                if indent.startswith(here):
                    return position
                if not here.startswith(indent):
                    # Tabs and spaces in one indentation.
                    raise _Unsure
        return len(text)

    def _column(self, position: int) -> str | None:
        """Return the indentation of the line that starts here, which a form feed resets; None when it is blank."""
        line = self.text[position : self.text.find("\n", position) % (len(self.text) + 1)]
        code = line.lstrip(" \t\f")
        return None if code[:1] in {"", "#"} else line[: len(line) - len(code)].rpartition("\f")[2]


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


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
