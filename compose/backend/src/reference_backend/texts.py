"""Text from strangers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

__all__ = ["Text"]


def _checked(text: str) -> str:
    if "\0" in text:
        raise ValueError("text holds a zero character")
    # JSON can spell half of a character.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text is no valid Unicode")
    return text


Text = Annotated[str, AfterValidator(_checked)]
"""Any text that can be written as UTF-8 and kept by Postgres, which takes all but zero characters."""
