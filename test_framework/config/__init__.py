"""Settings: `[tool.test_framework]`, then `TEST_FRAMEWORK_*`, then the command line, in one frozen object."""

from __future__ import annotations

from test_framework.config.custom import CustomServiceSettings
from test_framework.config.load import find_root, load
from test_framework.config.model import (
    AuditSettings,
    BadSetting,
    Download,
    E2ESettings,
    Gate,
    HealthSettings,
    Isolation,
    MajorMismatch,
    Packages,
    ServiceLevels,
    ServiceSettings,
    Settings,
    StandInSettings,
    TierSettings,
    nearest,
    refuse_empty,
)
from test_framework.config.template import is_callable, refuse_missing_files

__all__ = [
    "AuditSettings",
    "BadSetting",
    "CustomServiceSettings",
    "Download",
    "E2ESettings",
    "Gate",
    "HealthSettings",
    "Isolation",
    "MajorMismatch",
    "Packages",
    "ServiceLevels",
    "ServiceSettings",
    "Settings",
    "StandInSettings",
    "TierSettings",
    "find_root",
    "is_callable",
    "load",
    "nearest",
    "refuse_empty",
    "refuse_missing_files",
]
