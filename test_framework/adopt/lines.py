"""Text put after or between the lines of a file, in its own line endings; what is there stays as it is."""

from __future__ import annotations

__all__ = ["after", "below"]


def after(text: str, addition: str, blank: int) -> str:
    """Return a text with lines at its end, below so many blank ones."""
    newline = _newline(text)
    if not text:
        return addition
    lines = text.split(newline)
    there = 0
    while there < len(lines) and not lines[-1 - there].strip():
        there += 1
    # The last line is empty when the text ends as a text should.
    return text + newline * max(0, blank + 1 - there) + addition.replace("\n", newline)


def below(text: str, line: int, addition: str) -> str:
    """Return a text with lines below its line of that number, from 1."""
    newline = _newline(text)
    lines = text.split(newline)
    return newline.join([*lines[:line], *addition.splitlines(), *lines[line:]])


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
