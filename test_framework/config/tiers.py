"""The tiers that every project has, before its own settings say otherwise."""

from __future__ import annotations

from test_framework.config.model import TierSettings

__all__ = ["TIERS"]

_DATABASES = ("postgres", "redis")

TIERS: dict[str, TierSettings] = {
    "unit": TierSettings(paths=("tests/unit",), network=False),
    "integration": TierSettings(paths=("tests/integration",), services=_DATABASES),
    "smoke": TierSettings(paths=("tests/smoke",), services=_DATABASES),
    "e2e": TierSettings(paths=("tests/e2e",), services=_DATABASES),
    "e2e-staging": TierSettings(paths=("tests/e2e/staging",), providers=("staging",)),
    "mission-critical": TierSettings(paths=("tests/mission_critical",), services=_DATABASES),
    "infrastructure": TierSettings(paths=("tests/infrastructure",)),
    "performance": TierSettings(paths=("tests/performance",), services=_DATABASES),
}
