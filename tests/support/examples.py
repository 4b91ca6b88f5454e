"""Examples of the audit's explanations, as files."""

from __future__ import annotations

import re

__all__ = ["as_files"]


def as_files(example: str) -> dict[str, str]:
    """Return the files of an example by their paths; one without a path is a test file."""
    parts = re.split(r"^# ---- (.*)\n", example, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True)) or {"test_example.py": example}
