"""Text put after or between the lines of a file, in its own line endings; what is there stays as it is."""

from __future__ import annotations


def after(text: str, addition: str, blank: int) -> str:
    """Return a text with lines at its end, below so many blank ones."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if not text:
        return addition
    there = 0
    for line in reversed(text.splitlines()):
        if line.strip():
            break
        there += 1
    missing = max(0, blank - there) + (not text.endswith("\n"))
    return text + newline * missing + addition.replace("\n", newline)


def below(text: str, at: int, addition: str) -> str:
    """Return a text with lines below the one that has the character at this place."""
    end = text.find("\n", at)
    if end < 0:
        return after(text, addition, blank=0)
    newline = "\r\n" if text[end - 1] == "\r" else "\n"
    return text[: end + 1] + addition.replace("\n", newline) + text[end + 1 :]
