"""The reference backend as a service: the tables that this repository's settings have for it, for other projects."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["TABLES"]

_ROOT = Path(__file__).parents[2]
TABLES = "".join(
    re.findall(
        r"^\[tool\.test_framework\.services\.backend.*\n(?:(?!\[).*\n)*",
        (_ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        re.M,
    )
)
