"""What ends a command of this package."""

from __future__ import annotations


class HealthError(Exception):
    """The health cannot be told: one line that names the file or the setting, and what to do."""
