"""What a caller of the audit can ask for, beside the project's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from test_framework.config import Packages


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Options of one audit.

    Attributes:
        packages: Which packages count as importable; as the settings say when None.
        python: The interpreter whose installed packages count; the running one when empty.
        timeout: Seconds after which the audit ends with what it has found; 0 for no limit.
        cache: Whether to use what earlier audits have read.
    """

    packages: Packages | None = None
    python: str = ""
    timeout: float = 0.0
    cache: bool = True
