"""Summarizes what a file does at import."""

from __future__ import annotations

import ast
import gc
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework.audit.source.module_reader import read
from test_framework.audit.source.operations import Summary
from test_framework.audit.source.skeleton import skeleton
from test_framework.audit.source.tables import without_tables
from test_framework.suite.source import decode_source, syntax_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_YIELDS = re.compile(rb"\byield\b")


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the garbage collector: syntax trees are many, and hold no cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def summarize(data: bytes) -> tuple[Summary, str, ast.Module | None]:
    """Return what a file does at import, its text, and the tree of what runs then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = decode_source(data)
        except (SyntaxError, LookupError):
            return _unreadable(syntax_error(data) or (1, "unknown encoding")), "", None
        if "\0" in text:
            return _unreadable(syntax_error(data) or (1, "source code contains null bytes")), text, None
        try:
            tree = ast.parse(without_tables(skeleton(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            error = syntax_error(data)
            if error:
                return _unreadable(error), text, None
            tree = ast.parse(text)
        if b"async def" in data and _YIELDS.search(data) and (error := syntax_error(data)):
            # A generator that is asynchronous must not return a value: ruff does not look.
            return _unreadable(error), text, None
    return read(tree), text, tree


def _unreadable(error: tuple[int, str]) -> Summary:
    return Summary((), (), (), (), opens=False, paths=False, error=error)
