"""Decodes and encodes Python source, as Python itself would."""

from __future__ import annotations

import io
import tokenize
import warnings


class CannotRewrite(Exception):
    """A file that cannot be rewritten; the text says why."""


def decode_with_encoding(data: bytes) -> tuple[str, str]:
    """Return a source as text with its own line endings, and its encoding.

    Raises:
        CannotRewrite: Python cannot read it.
    """
    error = syntax_error(data)
    if error:
        raise CannotRewrite(f"line {error[0]}: {error[1]}")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding), encoding


def encode_source(text: str, encoding: str) -> bytes:
    """Return a source as it is written.

    Raises:
        CannotRewrite: Python could not read it any more; it is then not to be written.
    """
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise CannotRewrite(f"the new names cannot be written in {encoding}") from error
    wrong = syntax_error(data)
    if wrong:
        raise CannotRewrite(f"it would not parse any more, line {wrong[0]}: {wrong[1]}")
    return data


def decode_source(data: bytes) -> str:
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


def syntax_error(data: bytes) -> tuple[int, str] | None:
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
