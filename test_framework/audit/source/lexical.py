"""Strings, comments and the ends of lines in a source, told apart by regular expressions."""

from __future__ import annotations

import re
import sys

RELIABLE = sys.version_info >= (3, 11, 5)
"""Before, possessive repetitions went wrong (gh-106052): then nothing is cut."""
STRING = r"""
    \"\"\" (?: [^"\\]++ | \\(?s:.) | "(?!"") )*+ \"\"\"
  | ''' (?: [^'\\]++ | \\(?s:.) | '(?!'') )*+ '''
  | "(?!"") (?: [^"\\\n]++ | \\(?s:.) )*+ "
  | '(?!'') (?: [^'\\\n]++ | \\(?s:.) )*+ '
  | \#[^\n]*+
  | \\(?s:.)
"""
"""Strings, comments and what a backslash hides, for `re.X`: they hold no brackets that count."""
OPAQUE = re.compile(STRING, re.X)
# Since 3.12 the same quotes may stand inside an f-string: what these find is not told apart here.
_NESTED = sys.version_info >= (3, 12)
_NESTED_QUOTES = re.compile(
    r"""
    [fFtT] [rR]?+
    (?: "(?!"")[^"\n]*\{[^"\n}]*" | '(?!'')[^'\n]*\{[^'\n}]*' | (\"\"\"|''')(?:(?!\1)(?s:.))*\{[^}]*\1 )
    """,
    re.X,
)


def is_nested(text: str) -> bool:
    """Whether quotes may stand inside quotes of the same kind, so that `STRING` does not find the end of a string."""
    return not RELIABLE or (_NESTED and _NESTED_QUOTES.search(text) is not None)


def unix_lines(text: str) -> str:
    """Return the text with the ends of lines that the parser makes of it."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
