"""Parses sources of others, whose faults are no errors here and whose warnings are not ours to pass on."""

from __future__ import annotations

import ast
import warnings


def parsed(text: str) -> ast.Module | None:
    """Return the tree of a source; None when this Python cannot parse it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
