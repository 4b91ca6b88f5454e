"""Rules that the audit had and that ruff has: whoever still names one is told which of ruff's takes its place."""

from __future__ import annotations

from types import MappingProxyType

from test_framework.audit.rules.suppression import suppressions
from test_framework.config import BadSetting

REMOVED_RULES = MappingProxyType({"forbidden-import": "TID251", "relative-import-style": "TID252"})
"""The rules by their ids, with those of ruff."""


def refuse_suppressions(path: str, text: str) -> None:
    """Refuse a file with a comment that accepts a finding of a removed rule.

    Args:
        path: The file, as it is shown.
        text: What is in it.

    Raises:
        BadSetting: It has such a comment.
    """
    if not any(rule in text for rule in REMOVED_RULES):
        return
    accepted = suppressions(text)
    for line, rules in ((0, accepted.file), *sorted(accepted.lines.items())):
        for rule in sorted(rules & REMOVED_RULES.keys()):
            where = f"{path}:{line}" if line else path
            code = REMOVED_RULES[rule]
            raise BadSetting(f"{where} accepts {rule}, ruff's rule {code} now: write `# noqa: {code}`.")
