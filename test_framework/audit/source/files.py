"""What is read of each file by itself, in processes of their own when there is much of it."""

from __future__ import annotations

import ast
import gc
import io
import re
import tokenize
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework.audit.source.operations import Summary
from test_framework.audit.source.reading import read
from test_framework.audit.source.skeleton import skeleton
from test_framework.audit.source.tables import without_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

_YIELDS = re.compile(rb"\byield\b")

__all__ = ["decoded", "error_of", "no_collection", "summarized"]


@contextmanager
def no_collection() -> Iterator[None]:
    """Switch the garbage collector off: syntax trees are many and hold no cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def decoded(data: bytes) -> str:
    """Return a source as text, by the encoding that it names.

    Raises:
        SyntaxError: It is not what it says it is.
    """
    if data.isascii() and b"coding" not in data[:300]:
        return data.decode("ascii")
    if b"coding" not in data[:300] and not data.startswith(b"\xef\xbb\xbf"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SyntaxError(f"(unicode error) {error}", ("", line, 0, "")) from error
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"(unicode error) {error}", ("", 1, 0, "")) from error


def error_of(data: bytes) -> tuple[int, str] | None:
    """Return the line and the words of the error that Python finds in a source, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "<audited>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.lineno or 1, error.msg
        except (ValueError, RecursionError, MemoryError) as error:
            return 1, str(error)
    return None


def summarized(data: bytes) -> tuple[Summary, str, ast.Module | None]:
    """Return what a file does at import, its text, and the tree of what runs then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = decoded(data)
        except (SyntaxError, LookupError):
            return _unreadable(error_of(data) or (1, "unknown encoding")), "", None
        if "\0" in text:
            return _unreadable(error_of(data) or (1, "source code contains null bytes")), text, None
        try:
            tree = ast.parse(without_tables(skeleton(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            error = error_of(data)
            if error:
                return _unreadable(error), text, None
            tree = ast.parse(text)
        if b"async def" in data and _YIELDS.search(data) and (error := error_of(data)):
            # A generator that is asynchronous must not return a value: ruff does not look.
            return _unreadable(error), text, None
    return read(tree), text, tree


def _unreadable(error: tuple[int, str]) -> Summary:
    return Summary((), (), (), (), opens=False, paths=False, error=error)
