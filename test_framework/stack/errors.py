"""The one error of the stack."""

from __future__ import annotations

__all__ = ["StackError"]


class StackError(Exception):
    """Something cannot be done; the text says why, and what to do about it."""
