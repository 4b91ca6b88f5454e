"""`# audit: ok[rule, rule] reason` on a line, and `# audit: file-ok[rule] reason` for a whole file."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field

from test_framework.audit.source.lexical import OPAQUE, is_nested

_COMMENT = re.compile(r"#\s*audit:\s*(?P<file>file-)?ok\[(?P<rules>[^\]]*)\]\s*[-:,]*\s*(?P<reason>.*)")


@dataclass(slots=True)
class Suppressions:
    """What a file accepts: rules by line, rules for the whole file, and the lines that say no reason."""

    lines: dict[int, frozenset[str]] = field(default_factory=dict)
    file: frozenset[str] = frozenset()
    unreasoned: tuple[int, ...] = ()

    def covers(self, rule: str, *lines: int) -> bool:
        """Whether a finding of a rule on one of these lines is accepted."""
        return rule in self.file or any(rule in self.lines.get(line, ()) for line in lines)


def suppressions(text: str) -> Suppressions:
    """Return what the comments of a source accept; one without a reason accepts nothing, and is told."""
    found = Suppressions()
    if "audit:" not in text or _COMMENT.search(text) is None:
        return found
    for line, column, comment in _comments(text):
        if (match := _COMMENT.match(comment)) is None:
            continue
        rules = frozenset(rule.strip() for rule in match["rules"].split(","))
        if not match["reason"].strip():
            found.unreasoned += (line,)
        elif not match["file"]:
            found.lines[line] = found.lines.get(line, frozenset()) | rules
        elif column == 0:
            found.file |= rules
    return found


def _comments(text: str) -> list[tuple[int, int, str]]:
    """Return line, column and text of the comments; what stands in a string is none."""
    found: list[tuple[int, int, str]] = []
    if not is_nested(text):
        # In a tenth of the time that tokens take.
        for hidden in OPAQUE.finditer(text):
            start = hidden.start()
            if text[start] == "#":
                line = text.count("\n", 0, start) + 1
                found.append((line, start - text.rfind("\n", 0, start) - 1, hidden[0]))
        return found
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found.extend((*token.start, token.string) for token in tokens if token.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError):
        pass  # what could be read counts: the rest is a syntax error, which is a finding of its own
    return found
