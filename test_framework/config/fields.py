"""Texts with fields in braces, such as `{port}`: read and checked before anything is filled in."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Parts", "fill", "parse"]

Parts = tuple[tuple[str, str | None], ...]
"""Pairs of text and the field that follows it; None at the end."""


def parse(text: str, source: str, known: Collection[str], prefix: str | None = None) -> Parts:
    """Read a text in which `{{` and `}}` stand for braces.

    Args:
        text: What was given; it is never shown, since it may hold a secret.
        source: Where it came from, for the error.
        known: The fields that it may have.
        prefix: What further fields begin with, whose rest is a name of the user's own; None for no further ones.

    Raises:
        BadSetting: A brace is not closed, or a field is not known.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise BadSetting(f"{source} cannot be read: {error}. Write {{{{ and }}}} for braces.") from error
    parts: list[tuple[str, str | None]] = []
    for before, field, form, conversion in parsed:
        if field is not None and (not _is_known(field, known, prefix) or form or conversion):
            asked = f"{field}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"
            raise BadSetting.unknown("field", asked, source, [*known, *([f"{prefix}NAME"] if prefix else [])])
        parts.append((before, field))
    return tuple(parts)


def _is_known(field: str, known: Collection[str], prefix: str | None) -> bool:
    own = prefix is not None and field.startswith(prefix) and field.removeprefix(prefix).isidentifier()
    return own or field in known


def fill(parts: Parts, values: Mapping[str, str]) -> str:
    """Return the text with its fields filled in."""
    return "".join(before + ("" if field is None else values[field]) for before, field in parts)
