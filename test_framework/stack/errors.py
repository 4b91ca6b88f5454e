"""The one error of the stack."""

from __future__ import annotations


class StackError(Exception):
    """Something cannot be done; the text says why, and what to do about it."""
