"""Keys put into `pyproject.toml` as text, so that its comments and its layout stay."""

from __future__ import annotations

import copy
import re
import tomllib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from test_framework.adopt.lines import after, below
from test_framework.adopt.modules import ByHand

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Key", "with_keys"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a table is to have.

    Attributes:
        table: The table's dotted name.
        line: The key with its value, as one line of TOML.
    """

    table: str
    line: str


def with_keys(path: str, text: str, keys: Sequence[Key]) -> str:
    """Return a file with further keys: below the head of their table, or in a new one at the end.

    Args:
        path: Its name, for what is said of it.
        text: What it holds.
        keys: What to add, those of one table together.

    Raises:
        ByHand: It would not say all that it says now and the keys beside, as when a table is written inline.
    """
    expected = copy.deepcopy(tomllib.loads(text))
    made = text
    for table, group in groupby(keys, lambda key: key.table):
        lines = [key.line for key in group]
        made = _with_lines(made, table, lines)
        _put(expected, table.split("."), tomllib.loads("\n".join(lines)))
    try:
        if tomllib.loads(made) == expected:
            return made
    except tomllib.TOMLDecodeError:
        pass
    told = "\n\n".join(
        "\n".join([f"[{table}]", *(key.line for key in group)]) for table, group in groupby(keys, lambda key: key.table)
    )
    raise ByHand(f"{path} is left as it is, since its tables are written in another way. To add by hand:\n\n{told}\n")


def _with_lines(text: str, table: str, lines: Sequence[str]) -> str:
    name = r"\s*\.\s*".join(map(re.escape, table.split(".")))
    head = re.search(rf"^[ \t]*\[\s*{name}\s*\][ \t]*(?:#.*|\r)?$", text, re.M)
    if head:
        return below(text, head.end() - 1, "\n".join([*lines, ""]))
    return after(text, "\n".join([f"[{table}]", *lines]) + "\n", blank=1)


def _put(data: dict[str, Any], table: Sequence[str], values: dict[str, Any]) -> None:
    for part in table:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data |= {key: value for key, value in values.items() if key not in data}
