"""Cuts the bodies of functions out of a source: what is left runs at import, and is parsed several times faster.

A parser that gives a whole tree reads 5 MB a second, and of a suite of tests three quarters are bodies of functions.
In doubt nothing is cut.
"""

from __future__ import annotations

from test_framework.audit.source.function_spans import functions
from test_framework.audit.source.lexical import unix_lines

KEPT = ("global", "sys.modules", "sys.path", "allow_module_level", "exec(")
"""A function whose body has one of these stays whole: it may change its module when it is called at import."""


def skeleton(text: str) -> str:
    r"""Return the text with `...` for the bodies of functions; each line keeps its number.

    Decorators, defaults, annotations, class bodies and blocks stay. A body on the line of its header stays too, and so
    do those that may change their module (`KEPT`). Nothing is raised: a text that cannot be cut safely comes back as it
    is, and one that does not parse may come back as one that does. `\r\n` becomes `\n`, as the parser reads it.
    """
    text = unix_lines(text)
    words = [word for word in KEPT if word in text]
    parts: list[str] = []
    done = 0
    for function in functions(text) or ():
        _, body, end, *_ = function
        if words and any(text.find(word, body, end) >= 0 for word in words):
            continue
        parts += (text[done:body], " ...", "\n" * function.lines)
        done = end
    parts.append(text[done:])
    return "".join(parts)
