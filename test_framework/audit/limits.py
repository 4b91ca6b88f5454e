"""The thresholds above which an audit fails, each with what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.model import Audit
    from test_framework.config import AuditSettings


@dataclass(frozen=True, slots=True)
class Limit:
    """One threshold, and what it counts."""

    setting: str
    what: str
    count: Callable[[Audit], int]


@dataclass(frozen=True, slots=True)
class ExceededLimit:
    """A threshold that is exceeded."""

    limit: Limit
    found: int
    allowed: int


LIMITS = (
    Limit("max_broken", "test files that pytest cannot import", lambda audit: len(audit.broken)),
    Limit("max_empty", "test files without a test", lambda audit: len(audit.empty)),
    Limit("max_unreached", "test files that no tier selects", lambda audit: len(audit.unreached)),
    Limit(
        "max_quality",
        "findings in tests",
        lambda audit: sum(found.rule != "no-test" for found in audit.quality),
    ),
    Limit("max_imports", "breaches of the rules of import", lambda audit: len(audit.imports)),
)


def exceeded_limits(audit: Audit, settings: AuditSettings | None) -> list[ExceededLimit]:
    """Return the thresholds that an audit exceeds; all of them are 0 without settings."""
    counts = ((limit, limit.count(audit), getattr(settings, limit.setting, 0)) for limit in LIMITS)
    return [ExceededLimit(limit, found, allowed) for limit, found, allowed in counts if found > allowed]
