"""Texts with fields in braces, such as `{port}`: read and checked before anything is filled in."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

OF_A_SERVICE = ("url", "host", "port", "user", "password", "database")
"""What a text may say of a server, after the name of its service and a dot."""

Parts = tuple[tuple[str, str | None], ...]
"""Pairs of text and the field that follows it; None at the end."""

_BRACES = "Write {{ and }} for literal braces."
_LIKE_A_FIELD = re.compile(r"[\w.]+")


def parse(text: str, source: str, known: Collection[str], prefix: str | None = None) -> Parts:
    """Read a text in which `{{` and `}}` stand for braces.

    Args:
        text: What was given; of it only what looks like a field is ever shown, since it may hold a secret.
        source: Where it came from, for the error.
        known: The fields that it may have.
        prefix: What further fields begin with, whose rest is a name of the user's own; None for no further ones.

    Raises:
        BadSetting: A brace is not closed, a field is not known, or asks for a format or a conversion.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise BadSetting(f"{source} cannot be read: {error}. {_BRACES}") from error
    parts: list[tuple[str, str | None]] = []
    for before, field, form, conversion in parsed:
        if field is not None and not _is_known(field, known, prefix):
            raise _unknown(field, source, [*known, *([f"{prefix}NAME"] if prefix else [])])
        if form or conversion:
            raise BadSetting(f"field {field!r} in {source} must not have a format or a conversion. {_BRACES}")
        parts.append((before, field))
    return tuple(parts)


def _unknown(field: str, source: str, choices: Collection[str]) -> BadSetting:
    """Return the error for a field that is not known; in JSON, what stands between two braces may be anything."""
    if _LIKE_A_FIELD.fullmatch(field):
        return BadSetting(f"{BadSetting.unknown('field', field, source, choices)} {_BRACES}")
    return BadSetting(f"unknown field in {source}. Choices: {', '.join(sorted(choices)) or 'none'}. {_BRACES}")


def _is_known(field: str, known: Collection[str], prefix: str | None) -> bool:
    own = prefix is not None and field.startswith(prefix) and field.removeprefix(prefix).isidentifier()
    return own or field in known


def fill(parts: Parts, values: Mapping[str, str]) -> str:
    """Return the text with its fields filled in."""
    return "".join(before + ("" if field is None else values[field]) for before, field in parts)
