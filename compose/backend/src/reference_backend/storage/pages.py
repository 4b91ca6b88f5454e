"""Pages of a list, newest first: a cursor says where the next one begins, so that new rows shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

__all__ = ["BadCursor", "Page", "Position", "page_of"]

T = TypeVar("T")


class BadCursor(ValueError):
    """The text is no cursor that we gave."""


@dataclass(frozen=True, slots=True)
class Position:
    """The row after which a page begins."""

    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        text = f"{self.created_at.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read what `str` wrote; raises `BadCursor`."""
        try:
            padded = text + "=" * (-len(text) % 4)
            time, _, row = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("|")
            created_at = datetime.fromisoformat(time)
            if created_at.tzinfo is None:
                raise BadCursor("it has no time zone")
            return cls(created_at, UUID(row))
        except (ValueError, binascii.Error) as error:
            raise BadCursor("This is no cursor of ours.") from error


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page where there is one."""

    items: list[T]
    next: str | None


def page_of(rows: list[T], limit: int, position: Callable[[T], Position]) -> Page[T]:
    """Make a page of at most `limit` of rows, of which one more than that was asked for."""
    more = len(rows) > limit
    return Page(rows[:limit], str(position(rows[limit - 1])) if more else None)
