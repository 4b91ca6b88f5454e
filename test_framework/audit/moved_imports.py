"""Finds imports of names that have moved."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_framework.audit.moves import named
from test_framework.audit.rules.suppression import suppressions
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.parsing import parsed

if TYPE_CHECKING:
    from test_framework.audit.moves import Moves

Breach = tuple[int, str, str]
"""Line, id of the rule, and what is wrong."""

_RULE = "moved-name"


def find_moved_imports(moves: Moves, text: str, package: str) -> list[Breach]:
    """Return the imports of what has moved, once for each statement and each move.

    Args:
        moves: What has moved.
        text: The file.
        package: The package that it is in, from which relative imports start.

    Returns:
        What no comment accepts, on the line where the statement begins.
    """
    text = unix_lines(text)
    # An import has each part of a dotted name in the text, whichever way it is written.
    if not any(name.rpartition(".")[2] in text for name in moves.pairs) or (tree := parsed(text)) is None:
        return []
    accepted = suppressions(text)
    found: set[Breach] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for line, name in named(node, package):
            move = moves.match(name)
            if move is None or accepted.covers(_RULE, node.lineno, line):
                continue
            message = f"{move[0]} has moved to {move[1]}"
            bare = not {node.lineno, line}.isdisjoint(accepted.unreasoned)
            why = f"{message}; the comment says no reason: it accepts nothing" if bare else message
            found.add((node.lineno, _RULE, why))
    return sorted(found)
