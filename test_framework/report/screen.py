"""Text for a terminal: wrapped by the cells that characters take, and cut where there is more than a screen holds."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_INDENT = "  "
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class Block:
    """A part of what is shown: a title, and items of which the last ones are left out where there is no room.

    Attributes:
        title: The line before them; empty for none, and then they are not indented.
        items: One text each.
        more: What a person reads in place of those that are left out, after their number.
        rows: Lines of an item at most; None where it must be whole, such as a URL to copy.
        markup: As for `pytest.TerminalReporter.write_line`; of the title, or else of the items.
    """

    title: str
    items: Sequence[str]
    more: str = "more"
    rows: int | None = 2
    markup: Mapping[str, bool] = field(default_factory=dict)


def fitted(blocks: Iterable[Block], columns: int, rows: int) -> Iterator[tuple[str, Mapping[str, bool]]]:
    """Yield lines with their markup: the longest block loses its last item until all fit, or each has one left.

    Where that is not enough, each item has one line.

    Args:
        blocks: In their order; one without items is left out.
        columns: Cells of a line.
        rows: Lines of the screen.
    """
    blocks = [block for block in blocks if block.items]
    shown = _shortened(blocks, columns, rows)
    if sum(_height(*part, columns) for part in shown) > rows:
        shown = _shortened([replace(block, rows=block.rows and 1) for block in blocks], columns, rows)
    for block, items in shown:
        if block.title:
            yield block.title, block.markup
        for item in items:
            yield from ((line, {} if block.title else block.markup) for line in item)
        if left := len(block.items) - len(items):
            yield f"{_INDENT if block.title else ''}and {left:,} {block.more}", {}


_Shown = tuple[Block, list[list[str]]]
"""A block with the lines of each of its items that are shown."""


def _shortened(blocks: Sequence[Block], columns: int, rows: int) -> list[_Shown]:
    shown = [(block, [_item(block, item, columns) for item in block.items[:rows]]) for block in blocks]
    while sum(_height(*part, columns) for part in shown) > rows:
        longest = sorted(range(len(shown)), key=lambda at: (-_height(*shown[at], columns), -at))
        cut = next(((at, items) for at in longest if (items := _fewer(*shown[at], columns))), None)
        if cut is None:
            break
        at, items = cut
        shown[at] = (shown[at][0], items)
    return shown


def _item(block: Block, text: str, columns: int) -> list[str]:
    indent = _INDENT if block.title else ""
    lines = wrapped(text, columns, indent, break_words=block.rows is not None)
    if block.rows is None or len(lines) <= block.rows:
        return lines
    *kept, last = lines[: block.rows]
    return [*kept, f"{_cut(last, columns - 2)[0]} …"]


def _fewer(block: Block, items: list[list[str]], columns: int) -> list[list[str]] | None:
    """Return the first items, as many as take fewer lines, or None where one is left."""
    height = _height(block, items, columns)
    fewer = (items[:many] for many in range(len(items) - 1, 0, -1))
    return next((some for some in fewer if _height(block, some, columns) < height), None)


def _height(block: Block, items: Sequence[Sequence[str]], columns: int) -> int:
    # A line that must not be broken is continued by the terminal itself.
    lines = sum(max(1, -(-cells(line) // columns)) for item in items for line in item)
    return bool(block.title) + lines + (len(block.items) > len(items))


def wrapped(text: str, columns: int, indent: str = "", *, break_words: bool = True) -> list[str]:
    """Return a text as lines of at most so many cells; all but the first are indented further.

    Args:
        text: What is not printable in it has become a space.
        columns: Cells of a line.
        indent: Before every line.
        break_words: Whether a word is broken that is longer than a line.
    """
    columns = max(columns, len(indent) + _NARROWEST)
    lines: list[str] = []
    line = indent
    for word in plain(text).split(" "):
        glue = "" if line.isspace() or not line else " "
        if glue and cells(line) + 1 + cells(word) > columns:
            lines.append(line)
            line, glue = f"{indent}{_INDENT}", ""
        rest = f"{line}{glue}{word}"
        while break_words and cells(rest) > columns:
            part, rest = _cut(rest, columns)
            lines.append(part)
            rest = f"{indent}{_INDENT}{rest}"
        line = rest
    return [*lines, line]


def plain(text: str) -> str:
    """Return a text as one line, in which nothing commands the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: two for what East Asia writes wide, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Me", "Mn", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _cut(text: str, columns: int) -> tuple[str, str]:
    """Return the most of a text that takes no more than so many cells, at least one character, and the rest of it."""
    taken = 0
    for at, character in enumerate(text):
        taken += _cell(character)
        if taken > columns and at:
            return text[:at], text[at:]
    return text, ""
