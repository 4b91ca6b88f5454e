"""Keys put into `pyproject.toml` as text, so that its comments and its layout stay."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from test_framework.adopt.lines import after, below
from test_framework.adopt.modules import ByHand
from test_framework.adopt.project import data_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a table is to have.

    Attributes:
        table: The table's dotted name.
        line: The key with its value, as one line of TOML.
    """

    table: str
    line: str

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.line.partition(" = ")[0]


def with_keys(path: str, text: str, keys: Sequence[Key]) -> str:
    """Return a file with further keys: below the head of their table, or in a new one at the end.

    Args:
        path: Its name, for what is said of it.
        text: What it holds.
        keys: What to add, those of one table together.

    Raises:
        ByHand: It would not say all that it says now and the keys beside, as when a table is written inline, or has
            a key of that name already.
    """
    expected = copy.deepcopy(tomllib.loads(text))
    _refuse_taken(path, expected, keys)
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
    why = "since its tables are written in another way"
    raise ByHand(f"{path} is left as it is, {why}. To add by hand:\n\n{_tables(keys)}\n")


def _tables(keys: Iterable[Key]) -> str:
    grouped = groupby(keys, lambda key: key.table)
    return "\n\n".join("\n".join([f"[{table}]", *(key.line for key in group)]) for table, group in grouped)


def _refuse_taken(path: str, data: Mapping[str, Any], keys: Sequence[Key]) -> None:
    """Say of the keys that are there with another value what is to be in them: TOML has no key twice."""
    taken = {key: there for key in keys if (there := data_at(data, f"{key.table}.{key.name}")) is not None}
    if not taken:
        return
    why = ", ".join(f"[{key.table}] has `{key.name}` already, which says something else" for key in taken)
    told = "; ".join(f"to `{key.name}`: {', '.join(_lacking(key, there))}" for key, there in taken.items())
    rest = _tables(key for key in keys if key not in taken)
    raise ByHand(f"{path} is left as it is, since {why}. To add by hand {told}\n" + (f"\n{rest}\n" if rest else ""))


def _lacking(key: Key, there: object) -> Iterator[str]:
    """Yield what a value lacks, as TOML."""
    (wanted,) = tomllib.loads(key.line).values()
    for value in wanted if isinstance(wanted, list) else [wanted]:
        if isinstance(value, dict):
            shown = f"{{ {', '.join(f'{name} = {json.dumps(inner)}' for name, inner in value.items())} }}"
        else:
            shown = json.dumps(value)
        if not isinstance(there, list) or value not in there:
            yield shown


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
