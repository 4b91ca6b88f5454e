"""Searches a source for patterns outside of its strings, without tokenizing all of it."""

from __future__ import annotations

import re
import sys

from test_framework.audit.source.lexical import is_nested

_ODD = re.compile(r"""['"#\\]""")  # before it on a line, quotes may be other than they seem
_NESTED = sys.version_info >= (3, 12)  # quotes inside quotes of the same kind
_F_PREFIX = re.compile(r"[fFtT][rR]?\Z")


class CannotTell(Exception):
    """The strings of a text cannot be found safely."""


class TextWalker:
    """Goes through a text in one direction.

    Args:
        text: A source; with a newline before it, when its first line is to be found like the others.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._marks = [(-1, '"""'), (-1, "'''"), (-1, "\\\n")]
        self._next = (-1, "")
        self._told = False

    def mark(self, position: int) -> int:
        """Return where, from this position on, something may take a string or a statement over the end of a line."""
        if self._next[0] < position:
            for number, (at, mark) in enumerate(self._marks):
                if at < position:
                    found = self.text.find(mark, position)
                    self._marks[number] = (sys.maxsize if found < 0 else found), mark
            self._next = min(self._marks)
        return self._next[0]

    def search(self, pattern: re.Pattern[str], position: int) -> tuple[re.Match[str] | None, bool]:
        """Return the next match outside of strings and of continued lines, and whether it is sure."""
        text = self.text
        found = pattern.search(text, position)
        while found is not None:
            if found.start() < (at := self.mark(position)):
                return found, True
            mark = self._next[1]
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

    def tell(self) -> None:
        """Make sure that strings can be told apart in this text.

        Raises:
            Unsure: They cannot.
        """
        if not self._told and is_nested(self.text):
            raise CannotTell
        self._told = True
